"""Collected files, each examined by itself: whether it is a whole wheel or sdist, and what an index would object to."""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from packaging.tags import Tag
from packaging.version import Version

from matrix_runner.collect.index_description import NotRendered, render_objection
from matrix_runner.collect.index_metadata import objections, refused_by_pypi
from matrix_runner.errors import WheelRejected
from matrix_runner.files import cause_of, sha256_of
from matrix_runner.wheelhouse.inspection import WheelContents, inspect
from matrix_runner.wheelhouse.sdist_difference import is_same_sdist
from matrix_runner.wording import first_of


class FoundWheel(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel and its content."""

    path: Path
    contents: WheelContents


class SdistFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file with an sdist. `size` in bytes."""

    path: Path
    size: int
    sha256: str


class FoundSdist(msgspec.Struct, frozen=True, kw_only=True):
    """An sdist: the project and version that it says it is of.

    `copies`: others of its name with the same files in them: each job that makes one makes it anew.
    """

    file: SdistFile
    project: str
    version: Version
    copies: tuple[SdistFile, ...] = ()

    @property
    def name(self) -> str:
        """The name of the file, and of its copies."""
        return self.file.path.name


class ExaminedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Whole files, sorted by name; `refused`: a sentence on each thing that is wrong with one by itself.

    `remarks`: a sentence on each thing that was not looked at, or that not every index takes. `broken`: names of files
    that could not be read.
    """

    wheels: tuple[FoundWheel, ...]
    sdists: tuple[FoundSdist, ...]
    refused: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    broken: frozenset[str] = frozenset()


def examine(wheels: Iterable[Path], sdists: Iterable[Path], scratch: Path) -> ExaminedFiles:
    """Examine files. `scratch`: an existing directory, to unpack sdists in. Raise MachineError if it is full."""
    refused: list[str] = []
    remarks: list[str] = []
    texts: dict[bytes, list[str]] = {}
    paths = tuple(wheels)
    found = sorted(_wheels(paths, texts, refused), key=lambda wheel: (wheel.path.name, str(wheel.path)))
    whole = {wheel.path for wheel in found}
    for metadata, names in texts.items():
        told = first_of(names, 1)
        remarks += (f"{told}: PyPI refuses {each}" for each in refused_by_pypi(metadata))
        try:
            refused += (f"{told}: {each}" for each in _index_objections(metadata))
        except WheelRejected as error:
            refused.append(f"{told}: {error.message}")
        except NotRendered as error:
            remarks.append(f"{told}: {error}")
    archives = tuple(sdists)
    made = tuple(_sdists(archives, scratch, refused))
    whole |= {file.path for sdist in made for file in (sdist.file, *sdist.copies)}
    return ExaminedFiles(
        wheels=tuple(found),
        sdists=made,
        refused=tuple(refused),
        remarks=tuple(remarks),
        broken=frozenset(path.name for path in (*paths, *archives) if path not in whole),
    )


def _index_objections(metadata: bytes) -> Iterator[str]:
    yield from objections(metadata)
    problem = render_objection(metadata)
    if problem is not None:
        yield problem


def _wheels(paths: Iterable[Path], texts: dict[bytes, list[str]], refused: list[str]) -> Iterator[FoundWheel]:
    """Yield the whole wheels. `texts`: gets the metadata, mostly the same in all, with the names of the wheels."""
    for path in sorted(paths):
        try:
            contents = inspect(path)
            texts.setdefault(_metadata(path), []).append(path.name)
        except WheelRejected as error:
            refused.append(error.message)
            continue
        except OSError as error:
            refused.append(f"{path} cannot be read: {cause_of(error)}")
            continue
        if platform := next((tag.platform for tag in sorted(contents.tags, key=str) if is_bare(tag)), None):
            refused.append(f"{path.name} was not repaired: indexes refuse {platform}")
        yield FoundWheel(path=path, contents=contents)


def is_bare(tag: Tag) -> bool:
    """Return whether a tag says nothing of a C library, as before a repair."""
    return tag.platform == "linux" or tag.platform.startswith("linux_")


def is_sdist_name(name: str) -> bool:
    """Return whether a file is named as an sdist is, and no wheel."""
    return not name.endswith(".whl")


def _metadata(path: Path) -> bytes:
    """Return METADATA of a wheel that has been inspected."""
    with zipfile.ZipFile(path) as archive:
        name = next(
            each for each in archive.namelist() if each.count("/") == 1 and each.endswith(".dist-info/METADATA")
        )
        return archive.read(name)


def _sdists(paths: Iterable[Path], scratch: Path, refused: list[str]) -> Iterator[FoundSdist]:
    # Not everybody has one.
    from matrix_runner.project.made_sdist import read_sdist

    copies: dict[Path, list[Path]] = {}
    for path in sorted(paths, key=lambda each: (each.name, str(each))):
        first = next((other for other in copies if path.name == other.name and is_same_sdist(other, path)), None)
        copies.setdefault(first or path, []).extend(() if first is None else (path,))
    for path, others in copies.items():
        try:
            with TemporaryDirectory(prefix="sdist-", dir=scratch) as room:
                made = read_sdist(path, Path(room))
        except WheelRejected as error:
            refused.append(error.message)
            continue
        refused += made.warnings
        yield FoundSdist(
            file=SdistFile(path=path, size=made.size, sha256=made.sha256),
            project=made.name.project,
            version=made.name.version,
            copies=tuple(SdistFile(path=each, size=each.stat().st_size, sha256=sha256_of(each)) for each in others),
        )
