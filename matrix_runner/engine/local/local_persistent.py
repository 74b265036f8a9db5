"""The local engine's persistent images and volumes: directories, each with a file of labels beside it."""

import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from matrix_runner.engine.api import PersistentItem, PersistentKind, Volume
from matrix_runner.engine.last_uses import LastUses
from matrix_runner.errors import EngineError
from matrix_runner.files import write_whole
from matrix_runner.json_values import NotJson, decode


class _Label(msgspec.Struct):
    """The file beside a directory. `created`: Unix time."""

    labels: dict[str, str]
    created: float


class LocalPersistent:
    """The images below `kept` and the volumes below `volumes` of one directory, which belongs to one owner."""

    def __init__(self, directory: Path, uses: LastUses) -> None:
        self._directory = directory
        self._uses = uses

    def volume(self, volume: Volume, run_dir: Path) -> Path:
        """Return the directory of a volume, created if missing; a run-only one is below `run_dir`. Raise OSError."""
        if volume.is_run_only:
            place = run_dir / "volumes" / volume.name
            place.mkdir(parents=True, exist_ok=True)
            return place
        place = self._place(PersistentKind.VOLUME, volume.name)
        place.mkdir(parents=True, exist_ok=True)
        if not _label_of(place).exists():
            self.label(place, volume.labels)
        self._uses.note(volume.name)
        return place

    def label(self, place: Path, labels: tuple[tuple[str, str], ...]) -> None:
        """Mark a directory as persistent and complete. Raise OSError."""
        label = _Label(labels=dict(labels), created=int(time.time()))
        write_whole(_label_of(place), msgspec.json.encode(label))

    def use_image(self, place: Path, name: str) -> bool:
        """Return whether a directory is a complete persistent image; if so, record its use under the name."""
        if not place.is_dir() or _read(place) is None:
            return False
        self._uses.note(name)
        return True

    def items(self, *, sized: bool) -> tuple[PersistentItem, ...]:
        """Return the persistent images and volumes, by kind and name. `sized`: with sizes in bytes."""
        found = []
        for kind in PersistentKind:
            for file in sorted(self._place(kind, "").glob("*.label")):
                place = file.with_suffix("")
                label = _read(place)
                if label is not None:
                    found.append(
                        PersistentItem(
                            kind=kind,
                            name=place.name,
                            labels=tuple(sorted(label.labels.items())),
                            size=_size(place) if sized else None,
                            created=label.created,
                            used=self._uses.of(place.name, created=label.created),
                        )
                    )
        return tuple(found)

    def forget(self, item: PersistentItem) -> Path:
        """Remove an item's labels and the record of its use; return its directory, for the caller to remove.

        Raise EngineError for a name that would lead elsewhere.
        """
        place = self._place(item.kind, item.name)
        if Path(item.name).name != item.name:
            raise EngineError(f"{item.name!r} is not the name of an image or a volume of the local engine")
        with suppress(OSError):
            _label_of(place).unlink(missing_ok=True)
        self._uses.forget(item.name)
        return place

    def _place(self, kind: PersistentKind, name: str) -> Path:
        return self._directory / ("kept" if kind is PersistentKind.IMAGE else "volumes") / name


def unlabel(place: Path) -> None:
    """Remove a directory's labels before it changes, so that no run finds it incomplete. Raise OSError."""
    _label_of(place).unlink(missing_ok=True)


def _label_of(place: Path) -> Path:
    return place.with_name(f"{place.name}.label")


def _read(place: Path) -> _Label | None:
    try:
        return decode(_label_of(place).read_bytes(), _Label)
    except (OSError, NotJson):
        return None


def _size(place: Path) -> int:
    total = 0
    for folder, _, files in os.walk(place):
        for name in files:
            with suppress(OSError):
                total += (Path(folder) / name).lstat().st_size
    return total
