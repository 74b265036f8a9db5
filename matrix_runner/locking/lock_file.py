"""The file matrix-runner.lock: images, and the requirements of each cell with their files and hashes. Pure.

Its packages have the keys of those of pylock.toml (PEP 751). That format itself does not fit: its markers tell neither
cp313 from cp313t nor manylinux from musllinux, and it has no place for images.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from packaging.utils import canonicalize_name

from matrix_runner.config.kinds.toml_writing import string
from matrix_runner.errors import ConfigError
from matrix_runner.locking.lock_values import (
    LOCK,
    Group,
    Lock,
    LockedEnvironment,
    LockedFile,
    LockedGroup,
    LockedImage,
    LockedPackage,
)
from matrix_runner.model.cells import Cell
from matrix_runner.toml import TOMLDecodeError, loads

FORMAT: Final = 1
"""The version of the format. Raised when an older release would read a newer file otherwise than it is meant."""

_HEAD: Final = """\
# The images and requirements that wheels are built and tested with. Made by `runner lock`; `runner build --locked`
# builds from it and refuses all else. Belongs into the repository; not to be edited by hand.
"""
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\.whl")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


def write_lock(lock: Lock) -> str:
    """Return the text of the file. Equal locks, equal texts; a line is about one thing, so that a diff can be read."""
    return "".join(f"{line}\n" for line in (*_HEAD.splitlines(), f"version = {FORMAT}", *_written(lock)))


def read_lock(text: str, name: str = LOCK) -> Lock:
    """Parse the file. Raise ConfigError, with the place, for anything that `write_lock` does not write."""
    try:
        content = loads(text)
    except TOMLDecodeError as error:
        raise _damaged(name, str(error)) from None
    version = content.get("version")
    if version != FORMAT:
        raise ConfigError(
            (f"{name}: its format has version {version!r}; this release reads {FORMAT}",),
            hint="the release of matrix-runner that wrote it reads it; `runner lock` of this one writes it anew",
        )
    try:
        written = msgspec.convert(content, _Document)
        lock = Lock(
            images=tuple(sorted(map(_image, written.images))),
            environments=tuple(map(_environment, written.environments)),
            packages=tuple(sorted(map(_package, written.packages))),
        )
        _check(lock)
    except ValueError as error:  # msgspec's are ValueErrors too
        raise _damaged(name, str(error)) from None
    return lock


class _Hashed(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    hashes: dict[str, str]


class _Package(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    version: str
    wheels: tuple[_Hashed, ...] = ()


class _Image(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    name: str
    arch: str
    reference: str
    digest: str = ""
    image_id: str = ""


class _Group(msgspec.Struct, forbid_unknown_fields=True):
    requires: tuple[str, ...]
    packages: tuple[str, ...]


class _Environment(msgspec.Struct, forbid_unknown_fields=True):
    cells: tuple[str, ...]
    build: _Group | None = None
    test: _Group | None = None
    tools: _Group | None = None
    audit: _Group | None = None


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    images: tuple[_Image, ...] = ()
    environments: tuple[_Environment, ...] = ()
    packages: tuple[_Package, ...] = ()


def _image(written: _Image) -> LockedImage:
    for value in (written.digest, written.image_id):
        if value and not _DIGEST.fullmatch(value):
            raise ValueError(f"images: {written.name}: {value!r} is no sha256 digest")
    if not (written.digest or written.image_id):
        raise ValueError(f"images: {written.name}: it has neither digest nor image-id")
    if not written.reference or "@" in written.reference or written.reference.startswith("-"):
        raise ValueError(f"images: {written.name}: {written.reference!r} is no reference without a digest")
    return LockedImage(
        name=written.name,
        arch=written.arch,
        reference=written.reference,
        digest=written.digest,
        image_id=written.image_id,
    )


def _environment(written: _Environment) -> LockedEnvironment:
    known = {
        Group.BUILD: written.build,
        Group.TEST: written.test,
        Group.TOOLS: written.tools,
        Group.AUDIT: written.audit,
    }
    groups = (
        (group, LockedGroup(requires=each.requires, pins=each.packages))
        for group, each in known.items()
        if each is not None
    )
    return LockedEnvironment(cells=tuple(map(Cell.parse, written.cells)), groups=tuple(groups))


def _package(written: _Package) -> LockedPackage:
    if not _NAME.fullmatch(written.name) or canonicalize_name(written.name) != written.name:
        raise ValueError(f"packages: {written.name!r} is no normalised name")
    if not _VERSION.fullmatch(written.version):
        raise ValueError(f"packages: {written.name}: {written.version!r} is no version")
    if not written.wheels:
        raise ValueError(f"packages: {written.name} {written.version} has no wheel")
    return LockedPackage(name=written.name, version=written.version, files=tuple(sorted(map(_file, written.wheels))))


def _file(written: _Hashed) -> LockedFile:
    sha256 = written.hashes.get("sha256", "")
    if not _FILE.fullmatch(written.name) or not _SHA256.fullmatch(sha256):
        raise ValueError(f"packages: {written.name!r} is no wheel with a sha256")
    return LockedFile(name=written.name, sha256=sha256)


def _check(lock: Lock) -> None:
    """Raise ValueError for what is said twice, or referred to and not there."""
    cells = [cell for each in lock.environments for cell in each.cells]
    twice = _first_twice(map(str, cells)) or _first_twice(each.pin for each in lock.packages)
    if twice:
        raise ValueError(f"{twice} is there twice")
    known = {each.pin for each in lock.packages}
    for environment in lock.environments:
        for group, each in environment.groups:
            lost = next((pin for pin in each.pins if pin not in known), None)
            if lost is not None:
                raise ValueError(f"environments: {group}: there is no package {lost}")


def _first_twice(names: Iterable[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _damaged(name: str, why: str) -> ConfigError:
    return ConfigError(
        (f"{name}: it cannot be read: {why}",),
        hint=f"take it from the repository again (`git checkout -- {name}`), or remove it: `runner lock` makes it anew",
    )


def _written(lock: Lock) -> Iterator[str]:
    for image in lock.images:
        yield from ("", "[[images]]")
        for key, value in (("name", image.name), ("arch", image.arch), ("reference", image.reference)):
            yield f"{key} = {string(value)}"
        # The id is the engine's own: that of a registry's image is another with another store of images.
        yield f"digest = {string(image.digest)}" if image.digest else f"image-id = {string(image.image_id)}"
    for environment in lock.environments:
        yield from ("", "[[environments]]")
        yield from _list("cells", map(str, environment.cells))
        for group, each in environment.groups:
            yield f"[environments.{group}]"
            yield from _list("requires", each.requires)
            yield from _list("packages", each.pins)
    for package in lock.packages:
        yield from ("", "[[packages]]", f"name = {string(package.name)}", f"version = {string(package.version)}")
        yield from ("wheels = [", *(f"    {_hashed(each)}," for each in package.files), "]")


def _list(key: str, values: Iterable[str]) -> Iterator[str]:
    listed = tuple(values)
    if not listed:
        yield f"{key} = []"
        return
    yield from (f"{key} = [", *(f"    {string(value)}," for value in listed), "]")


def _hashed(file: LockedFile) -> str:
    return f"{{ name = {string(file.name)}, hashes = {{ sha256 = {string(file.sha256)} }} }}"
