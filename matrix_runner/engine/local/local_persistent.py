"""What the local engine keeps from run to run: directories, each with a file beside it that says what it is."""

import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from matrix_runner.engine.api import PersistentItem, PersistentKind, Volume
from matrix_runner.engine.last_uses import LastUses
from matrix_runner.errors import EngineError
from matrix_runner.files import write_whole


class _Label(msgspec.Struct):
    labels: dict[str, str]
    created: float


class LocalKeeping:
    """The directories `kept` and `volumes` of one place, which is one owner's."""

    def __init__(self, directory: Path, uses: LastUses) -> None:
        self._directory = directory
        self._uses = uses

    def volume(self, volume: Volume, run_dir: Path) -> Path:
        """Return the directory that is a volume, made if need be. Raise OSError."""
        if volume.of_run:
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
        """Say that a directory is there for later runs, and that it is whole. Raise OSError."""
        label = _Label(labels=dict(labels), created=int(time.time()))
        write_whole(_label_of(place), msgspec.json.encode(label))

    def image(self, place: Path, name: str) -> bool:
        """Whether a directory is a whole image for later runs; if so, note its use."""
        if not place.is_dir() or _read(place) is None:
            return False
        self._uses.note(name)
        return True

    def all(self, *, sized: bool) -> tuple[PersistentItem, ...]:
        """Return what there is, by kind and name."""
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

    def discard(self, kept: PersistentItem) -> Path:
        """Give up a directory; return it: it is to be removed."""
        place = self._place(kept.kind, kept.name)
        if Path(kept.name).name != kept.name:
            raise EngineError(f"{kept.name!r} is no name of anything kept")
        with suppress(OSError):
            _label_of(place).unlink(missing_ok=True)
        self._uses.forget(kept.name)
        return place

    def _place(self, kind: PersistentKind, name: str) -> Path:
        return self._directory / ("kept" if kind is PersistentKind.IMAGE else "volumes") / name


def unlabel(place: Path) -> None:
    """Take a directory's label away, before it is changed: one that is not whole must not be found."""
    _label_of(place).unlink(missing_ok=True)


def _label_of(place: Path) -> Path:
    return place.with_name(f"{place.name}.label")


def _read(place: Path) -> _Label | None:
    try:
        return msgspec.json.decode(_label_of(place).read_bytes(), type=_Label)
    except (OSError, msgspec.MsgspecError):
        return None


def _size(place: Path) -> int:
    total = 0
    for folder, _, files in os.walk(place):
        for name in files:
            with suppress(OSError):
                total += (Path(folder) / name).lstat().st_size
    return total
