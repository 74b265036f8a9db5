"""What a build really had in its environment, as its frontend has noted it: packages, versions, files. Pure."""

from collections.abc import Iterator
from typing import Final

import msgspec
from packaging.tags import Tag, parse_tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from matrix_runner.config.kinds.values import Frontend
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import BUILD_FRONTEND
from matrix_runner.json_values import NotJson, decode
from matrix_runner.recipe.layout import Layout
from matrix_runner.toml import loads

_LONGEST: Final = "8000000"
"""Bytes that are read of a note."""


class InstalledRequirement(msgspec.Struct, frozen=True, kw_only=True):
    """A package in a build's environment. `name`: normalised (PEP 503).

    `file`: the file of the index that it came from, or the address of another place; "" if unknown. `sha256`: the
    file's, in hexadecimal; "" if unknown. `is_from_sdist`: whether it was built there from that file.
    """

    name: str
    version: str
    file: str = ""
    sha256: str = ""
    is_from_sdist: bool = False


class Requirements(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of them. `unknown`: the reason why they are not, or "" if these are all."""

    installed: tuple[InstalledRequirement, ...] = ()
    unknown: str = ""


class RequirementsNote(msgspec.Struct, frozen=True, kw_only=True):
    """Where a cell's frontend notes them. `unknown`: the reason why it does not, or ""."""

    path: str = ""
    unknown: str = ""

    @property
    def ask(self) -> tuple[str, ...]:
        """The command that prints the note."""
        return ("head", "-c", _LONGEST, self.path)

    def read(self, answer: str) -> Requirements:
        """Parse the note; of one that is missing or damaged nothing is known. Never raises."""
        if self.path.endswith(".json"):
            return _of_own_frontend(answer)
        found = tuple(_of_paths(answer))
        return Requirements(installed=found, unknown="" if found else _NO_NOTE)


_NO_NOTE: Final = "the build left no note of them"


def requirements_note(settings: Settings, frontend: Frontend, layout: Layout, *, is_watched: bool) -> RequirementsNote:
    """Return where the requirements of a cell's build are noted. `frontend`: resolved, `auto` is our own.

    `is_watched`: whether `python_bounds.WatchedBuild` looks on.
    """
    if not settings[BUILD_FRONTEND].is_isolated:
        return RequirementsNote(unknown="the frontend installs nothing: the build used what it found")
    if frontend is Frontend.AUTO:
        return RequirementsNote(path=f"{layout.frontend}/origins.json")
    if is_watched:
        return RequirementsNote(path=f"{layout.matrix}/watched-build/seen")
    return RequirementsNote(unknown=f"the frontend {frontend} does not tell them")


class _Reported(msgspec.Struct):
    name: str
    version: str
    url: str = ""
    sha256: str = ""


class _Note(msgspec.Struct):
    packages: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    lock: str = ""
    reported: tuple[_Reported, ...] = ()


class _Archive(msgspec.Struct):
    hashes: dict[str, str] = {}
    url: str = ""
    path: str = ""
    name: str = ""

    @property
    def file(self) -> str:
        return self.name or (self.url or self.path).partition("#")[0].rpartition("/")[2]


class _Locked(msgspec.Struct):
    """A package in `pylock.toml` (PEP 751), as far as it is of use here."""

    name: str
    version: str = ""
    sdist: _Archive | None = None
    archive: _Archive | None = None
    wheels: tuple[_Archive, ...] = ()


class _Lock(msgspec.Struct):
    packages: tuple[_Locked, ...] = ()


def _of_own_frontend(answer: str) -> Requirements:
    try:
        note = decode(answer, _Note)
    except NotJson:
        return Requirements(unknown=_NO_NOTE)
    reported = {(canonicalize_name(one.name), one.version): one for one in note.reported}
    locked = {canonicalize_name(one.name): one for one in _locked(note.lock)}
    found: list[InstalledRequirement] = []
    for given, version, tags in note.packages:
        name = canonicalize_name(given)
        if (name, version) in reported:
            found.append(_as_reported(name, reported[name, version]))
        elif name in locked and locked[name].version in {version, ""}:
            found.append(_as_locked(name, version, tags, locked[name]))
        else:
            found.append(InstalledRequirement(name=name, version=version))
    return Requirements(installed=tuple(found))


def _locked(text: str) -> tuple[_Locked, ...]:
    try:
        return msgspec.convert(loads(text), _Lock).packages
    except ValueError:  # msgspec's and TOML's errors are ValueErrors too
        return ()


def _as_reported(name: str, said: _Reported) -> InstalledRequirement:
    file = said.url.partition("#")[0].partition("?")[0].rpartition("/")[2]
    is_from_sdist = bool(file) and not file.endswith(".whl")
    return InstalledRequirement(
        name=name, version=said.version, file=file, sha256=said.sha256, is_from_sdist=is_from_sdist
    )


def _as_locked(name: str, version: str, tags: tuple[str, ...], locked: _Locked) -> InstalledRequirement:
    """Return the package with the file of the index that has its tags; else it was built from the sdist."""
    own = frozenset(tag for text in tags for tag in parse_tag(text))
    fitting = [wheel for wheel in locked.wheels if own and _tags_of(wheel.file) == own]
    source = locked.archive or (None if fitting else locked.sdist)
    chosen = source or (fitting[0] if len(fitting) == 1 else None)
    if chosen is None:
        return InstalledRequirement(name=name, version=version)
    return InstalledRequirement(
        name=name,
        version=version,
        file=chosen.file,
        sha256=chosen.hashes.get("sha256", ""),
        is_from_sdist=not chosen.file.endswith(".whl"),
    )


def _tags_of(file: str) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(file)[3]
    except InvalidWheelFilename:
        return frozenset()


def _of_paths(answer: str) -> Iterator[InstalledRequirement]:
    """Yield the packages of listed paths of `.dist-info` directories."""
    for line in answer.splitlines():
        name, _, version = line.rpartition("/")[2].removesuffix(".dist-info").partition("-")
        if name and version and line.endswith(".dist-info"):
            yield InstalledRequirement(name=canonicalize_name(name), version=version)
