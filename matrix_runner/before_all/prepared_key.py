"""The key of a prepared image: a digest of all that its `before-all` depends on. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from matrix_runner.before_all.source_update import source_digest
from matrix_runner.config.kinds.values import Network, Sandbox
from matrix_runner.config.options.build_options import BEFORE_ALL, ENVIRONMENT, ENVIRONMENT_PASS, EXCLUDE_NEWER
from matrix_runner.config.options.cache_options import BEFORE_ALL_INPUTS
from matrix_runner.config.options.run_options import CONTAINER_ENGINE, NETWORK, SANDBOX
from matrix_runner.container.portable_digest import portable_digest
from matrix_runner.digests import json_digest
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.probe.probed_images import ProbedImages
from matrix_runner.project.source_archive import Digests

_FORMAT = "5"
"""Increased when prepared images are made differently, which invalidates all earlier ones. Those of format 1 contained
variables, secrets of CI systems among them; files of format 2 had the times of their commits; `before-all` of format 3
was not told the image's name; keys of format 4 had ids of images, which differ from store to store."""


def inputs_of(digests: Digests, patterns: tuple[str, ...]) -> Digests:
    """Return the files that `before-all` depends on: all, or those that match patterns of .gitignore syntax."""
    if not patterns:
        return digests
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(patterns)
    return tuple(pair for pair in digests if spec.match_file(pair[0]))


def unmatched_patterns(digests: Digests, patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the patterns that match no file of the project, apart from exclusions (`!`)."""
    if not patterns:
        return ()
    from pathspec import GitIgnoreSpec

    names = [name for name, _ in digests]
    return tuple(
        pattern
        for pattern in patterns
        if not pattern.startswith("!") and not any(map(GitIgnoreSpec.from_lines([pattern]).match_file, names))
    )


class PreparedKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Computes the keys of prepared images: digests of everything visible to `before-all` but the cell that runs it.

    `identity`: of the project, as in `ProjectVolumes`. `prefix`: the project's directory in its repository.

    Excludes the time of the last commit (SOURCE_DATE_EPOCH), which would give every commit another image.
    """

    identity: str
    images: ProbedImages
    digests: Digests
    prefix: str
    environ: Mapping[str, str]

    def of(self, jobs: Iterable[Job]) -> dict[Cell, str]:
        """Return the key of each job with a `before-all`; jobs with equal keys share one image."""
        inputs: dict[tuple[str, ...], str] = {}
        keys: dict[Cell, str] = {}
        for job in jobs:
            image = self.images.image(job)
            if job.settings[BEFORE_ALL] and image is not None:
                patterns = job.settings[BEFORE_ALL_INPUTS]
                if patterns not in inputs:
                    inputs[patterns] = source_digest(inputs_of(self.digests, patterns))
                keys[job.cell] = self._key(job, image, inputs[patterns])
        return keys

    def _key(self, job: Job, image: ProbedImage, inputs: str) -> str:
        settings, environ = job.settings, self.environ
        parts = (
            _FORMAT,
            self.identity,
            portable_digest(image.image),
            "" if job.image is None else job.image.name,
            str(image.arch),
            settings[BEFORE_ALL],
            settings[ENVIRONMENT],
            [(name, environ.get(name)) for name in settings[ENVIRONMENT_PASS]],
            settings[CONTAINER_ENGINE].arguments.words,
            settings.is_drop_in,
            self.prefix,
            inputs,
            # Named only if it is set, so that images of runs without it stay.
            *([settings[EXCLUDE_NEWER].text] if settings[EXCLUDE_NEWER] else []),
            # `strict` is about the steps after it.
            *([f"{SANDBOX} {Sandbox.OFF}"] if settings[SANDBOX] is Sandbox.OFF else []),
            # And so is `build-requires`.
            *([f"{NETWORK} {Network.NONE}"] if settings[NETWORK] is Network.NONE else []),
        )
        return json_digest(parts)
