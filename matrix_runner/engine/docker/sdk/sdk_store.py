"""`daemon.Daemon` by the Docker SDK for images and volumes."""

import http
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from matrix_runner.engine.api import ResolvedImage, Volume
from matrix_runner.engine.docker.daemon import ImageConfig, StoredImage, StoredVolume
from matrix_runner.engine.docker.endpoint import Product
from matrix_runner.engine.docker.image_answers import listed_images, stored_image, top_layer_size
from matrix_runner.engine.docker.pull_progress import PullLine, pull_line
from matrix_runner.engine.docker.request_bodies import (
    Dialect,
    dialect_of,
    image_body,
    image_changes,
    image_id,
    imported_image,
    listed_volumes,
)
from matrix_runner.engine.docker.sdk.sdk_client import (
    ApiError,
    MissingError,
    SdkConnection,
    insist,
    split_name,
    steady_answer,
)
from matrix_runner.errors import EngineError

GOING_SECONDS: Final = 10
"""Seconds to wait for the end of a removal that is under way in the daemon."""
LONG: Final = 900
"""Time limit in seconds for answers after long work: unpacking, committing, importing."""

_VOLUME_IS_THERE: Final = "volume already exists"


class SdkStore:
    """The images and volumes of a daemon, over one connection."""

    def __init__(self, sdk: SdkConnection) -> None:
        self._sdk = sdk

    def image(self, reference: str) -> StoredImage | None:
        """Return an image of the daemon's store, None if it is missing."""
        with suppress(MissingError), self._sdk.translated(f"look for the image {reference}"):
            return stored_image(reference, self._sdk.client().inspect_image(reference))  # type: ignore[no-untyped-call]
        return None

    def images(self, label: str) -> tuple[ResolvedImage, ...]:
        """Return the images with that label, one for each name."""
        with self._sdk.translated("list images"):
            client = self._sdk.client()
            found = steady_answer(lambda: client.images(filters={"label": label}), GOING_SECONDS, pause=0.05)
            return listed_images(found, self._dialect().product)

    def pull(self, reference: str, platform: str | None) -> Iterator[PullLine]:
        """Fetch an image, yielding occasional lines of progress. Raise EngineError with the daemon's own message."""
        repository, tag = split_name(reference)
        with self._sdk.translated(f"fetch {reference}"):
            for line in self._sdk.client().pull(
                repository, tag=tag or "latest", platform=platform, stream=True, decode=True
            ):
                if "error" in line:
                    raise ApiError(str(line["error"]), explanation=str(line["error"]))
                yield pull_line(line)

    def commit(self, container: str, config: ImageConfig) -> str:
        """Make an image of a container; return its id."""
        repository, tag = split_name(config.name) if config.name else (None, None)
        with self._sdk.translated("keep a container as an image"):
            # Query the product first: that sets the client's time limit to that of a query.
            dialect, client = self._dialect(), self._sdk.client(LONG)
            changes = image_changes(config, dialect) if dialect.is_old_podman else None
            commit = partial(
                client.commit, container, repository=repository, tag=tag, changes=changes, conf=image_body(config)
            )
            try:
                made = commit()
            except ApiError as error:
                # Rootless Podman without a freezer of its own (measured: 5.8.6). No command of ours runs meanwhile.
                if "pausing container" not in str(error.explanation):
                    raise
                made = commit(pause=False)
            return image_id(str(made["Id"]))

    def import_root(self, archive: Path, config: ImageConfig) -> str:
        """Make an image of a tar file; return its id."""
        repository, tag = split_name(config.name) if config.name else (None, None)
        with self._sdk.translated(f"import {archive.name}"):
            dialect, client = self._dialect(), self._sdk.client(LONG)
            # Podman ignores the tag here: it would apply none but `latest` (measured, 4.3.1).
            tags_itself = dialect.product is Product.DOCKER
            answer = client.import_image(
                str(archive),
                repository=repository if tags_itself else None,
                tag=tag if tags_itself else None,
                changes=image_changes(config, dialect),
            )
            identity, error = imported_image(str(answer))
            if repository and not tags_itself and not error:
                client.tag(image_id(identity), repository, tag)
        if error:
            # The containerd store keeps the name and labels of an image that it could not unpack (26.1 to 29.7).
            if config.name:
                with suppress(EngineError):
                    self.remove_image(config.name, force=True)
            raise self._sdk.refusal(f"import {archive.name}", error)
        return image_id(identity)

    def _dialect(self) -> Dialect:
        """Return the dialect of whoever answers: DOCKER_HOST may name Podman's socket."""
        return dialect_of(self._sdk.client().version())

    def remove_image(self, reference: str, *, force: bool) -> None:
        """Remove an image; a missing one is no error. `force`: with all names, waiting for its containers' removal."""
        seconds = GOING_SECONDS if force else 0
        with suppress(MissingError), self._sdk.translated(f"remove the image {reference}"):
            insist(lambda last: self._is_removed(reference, force=force, last=last), seconds, pause=0.2)

    def _is_removed(self, reference: str, *, force: bool, last: bool) -> bool:
        """Try to remove an image; return False if a container in removal may be using it and this is not the last try.

        A container that was just killed counts as running until its files are removed.
        """
        try:
            self._sdk.client(LONG).remove_image(reference, force=force)
        except ApiError as error:
            if last or error.status_code != http.HTTPStatus.CONFLICT:
                raise
            return False
        return True

    def top_layer(self, reference: str) -> int:
        """Return the size in bytes of an image's last layer."""
        with self._sdk.translated(f"look into the image {reference}"):
            return top_layer_size(self._sdk.client().history(reference))  # type: ignore[no-untyped-call]

    def make_volume(self, volume: Volume) -> None:
        """Create a volume unless it exists; the labels of an existing one do not change."""
        with self._sdk.translated(f"make the volume {volume.name}"):
            try:
                self._sdk.client().create_volume(volume.name, labels=dict(volume.labels))
            except ApiError as error:
                # Podman 4.3 refuses the second of two that ask at once, where Docker returns what is there (seen).
                if _VOLUME_IS_THERE not in str(error.explanation):
                    raise

    def volumes(self, label: str, *, sized: bool) -> tuple[StoredVolume, ...]:
        """Return the volumes with that label; their sizes take time, and are None if they are unavailable."""
        with self._sdk.translated("list volumes"):
            client = self._sdk.client()
            found = listed_volumes(
                steady_answer(lambda: client.volumes(filters={"label": label}), GOING_SECONDS, pause=0.05)
            )
            if not sized or not found:
                return found
            sizes = self._sizes()
            return tuple(replace(each, size=sizes.get(each.name)) for each in found)

    def _sizes(self) -> dict[str, int | None]:
        """Return the size of each volume, of none if the daemon fails at it.

        Podman inspects every container for it, and fails if one is removed meanwhile (4.3.1: every other time while
        three clients create and remove some).
        """
        client = self._sdk.client(LONG)
        try:
            found = listed_volumes(steady_answer(client.df, GOING_SECONDS, pause=0.02))
        except ApiError as error:
            if not error.is_server_error():
                raise
            return {}
        return {each.name: each.size for each in found}

    def remove_volume(self, name: str) -> None:
        """Remove a volume; a missing one is no error. Raise EngineError for one that is in use."""
        with suppress(MissingError), self._sdk.translated(f"remove the volume {name}"):
            self._sdk.client(LONG).remove_volume(name)
