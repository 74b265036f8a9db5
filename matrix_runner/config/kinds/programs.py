"""Kinds of programs with arguments: build frontend, container engine, compiler cache, dependency versions.

All of them accept a table or a string of fields: `docker; create-args: --gpus all`.
"""

import posixpath
import shlex
from collections.abc import Callable, Mapping
from typing import TypeVar

from matrix_runner.config.create_args.create_args import ContainerArguments, parse_create_args
from matrix_runner.config.kinds import basic, shapes, toml_writing
from matrix_runner.config.kinds.basic import Kind
from matrix_runner.config.kinds.values import (
    BuildFrontend,
    CompilerCache,
    CompilerCacheBackend,
    CompilerCacheChoice,
    ContainerEngine,
    DependencyVersions,
    EngineChoice,
    Frontend,
    VersionSource,
)
from matrix_runner.config.mistakes import InvalidValue, describe, quote, read_each, unknown

T = TypeVar("T")

_Fields = Mapping[str, tuple[str, ...]]


def read_fields(text: str, first: str, known: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Parse `pip; args: --verbose "a b"`; an unnamed field is the `first`. Raise InvalidValue."""
    lexer = shlex.shlex(basic.check_text(text), posix=True, punctuation_chars=";")
    lexer.commenters, lexer.whitespace_split = "", True
    try:
        words = list(lexer)
    except ValueError:
        raise InvalidValue.because(f"no closing quotation mark in {quote(text)}") from None
    fields: list[list[str]] = [[]]
    for word in words:
        fields.append([]) if word == ";" else fields[-1].append(word)
    found: dict[str, tuple[str, ...]] = {}
    for number, field in enumerate(filter(None, fields)):
        head, colon, value = field[0].partition(":")
        if colon and head in known:
            name, values = head, [value, *field[1:]] if value else field[1:]
        elif number == 0 and not (colon and not value):
            name, values = first, field
        elif colon:
            raise unknown("field", head, known)
        else:
            raise InvalidValue.because(f'expected "{known[-1]}: ..." after ";", got {quote(" ".join(field))}')
        found[name] = (*found.get(name, ()), *values)
    return found


def _single(fields: _Fields, name: str) -> str:
    values = fields.get(name, ())
    if len(values) != 1:
        raise InvalidValue.because(f"expected one {name}, got {quote(' '.join(values))}")
    return values[0]


def _read_table(value: object, words: str, readers: Mapping[str, Callable[[object], object]]) -> dict[str, object]:
    """Read a table with a reader for every key; raise InvalidValue with all findings."""
    table = basic.shaped(value, dict[str, object], words)

    def read(entry: tuple[str, object]) -> object:
        if entry[0] not in readers:
            raise unknown("key", entry[0], readers)
        return readers[entry[0]](entry[1])

    items: list[tuple[str | int, tuple[str, object]]] = [(key, (key, one)) for key, one in table.items()]
    return dict(zip(table, read_each(items, read), strict=True))


def _arguments(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return basic.split_shell(value)
    values = basic.shaped(value, list[object], "a list of strings")
    return read_each(enumerate(values), basic.read_string)


_ARGUMENTS = shapes.either(shapes.TEXT, shapes.listing(shapes.TEXT))


def frontend(*, default: Frontend = Frontend.AUTO) -> Kind[BuildFrontend]:
    """Make the kind of the build frontend; the word `default` and an empty text stand for `default`."""
    names = ", ".join(f"`{one}`" for one in Frontend)
    words = f"one of {names}, or a table with `name` and `args`, or a string such as `pip; args: --verbose`"
    member = basic.member(Frontend, "build frontend")

    def name(text: str) -> Frontend:
        return default if text.strip() in {"", "default"} else member(text)

    def read_text(text: str) -> BuildFrontend:
        fields = read_fields(text, "name", ("name", "args"))
        chosen = name(_single(fields, "name")) if "name" in fields else default
        return BuildFrontend(name=chosen, args=fields.get("args", ()))

    def read(value: object) -> BuildFrontend:
        if isinstance(value, str):
            return read_text(value)
        readers = {"name": lambda one: name(basic.read_string(one)), "args": _arguments}
        table = _read_table(value, words, readers)
        if "name" not in table:
            raise InvalidValue.because("the table needs a name")
        return BuildFrontend(name=_as(table["name"], Frontend), args=_as_words(table.get("args", ())))

    one = shapes.word(Frontend, also=("", "default"))
    shape = shapes.either(one, shapes.table({"name": one, "args": _ARGUMENTS}, required=["name"]))
    return Kind(words=words, shape=shape, read=read, read_text=read_text, write=toml_writing.frontend)


def container_engine(*, default: EngineChoice = EngineChoice.AUTO) -> Kind[ContainerEngine]:
    """Make the kind of the container engine."""
    names = ", ".join(f"`{one}`" for one in EngineChoice)
    words = (
        f"one of {names}, or a table with `name`, `create-args` and `disable-host-mount`, or a string such as"
        " `docker; create-args: --gpus all`"
    )
    name = basic.member(EngineChoice, "engine")
    switch = basic.boolean()

    def read_text(text: str) -> ContainerEngine:
        if not text.strip():
            raise InvalidValue.because("must not be empty")
        spelling = {"create_args": "create-args", "disable_host_mount": "disable-host-mount"}
        known = ("name", "create-args", "disable-host-mount", *spelling)
        fields = {spelling.get(key, key): words for key, words in read_fields(text, "name", known).items()}
        mount = fields.get("disable-host-mount")
        return ContainerEngine(
            name=name(_single(fields, "name")) if "name" in fields else default,
            arguments=parse_create_args(fields.get("create-args", ())),
            disable_host_mount=switch.read_text(" ".join(mount)) if mount is not None else False,
        )

    def read(value: object) -> ContainerEngine:
        if isinstance(value, str):
            return read_text(value)
        readers: dict[str, Callable[[object], object]] = {
            "name": lambda one: name(basic.read_string(one)),
            "create-args": lambda one: parse_create_args(_arguments(one)),
            "disable-host-mount": switch.read,
        }
        table = _read_table(value, words, readers)
        return ContainerEngine(
            name=_as(table.get("name", default), EngineChoice),
            arguments=_as(table.get("create-args", ContainerArguments()), ContainerArguments),
            disable_host_mount=table.get("disable-host-mount") is True,
        )

    one = shapes.word(EngineChoice)
    entries = {"name": one, "create-args": _ARGUMENTS, "disable-host-mount": shapes.SWITCH}
    shape = shapes.either(one, shapes.table(entries))
    return Kind(words=words, shape=shape, read=read, read_text=read_text, write=toml_writing.engine)


def compiler_cache() -> Kind[CompilerCacheChoice]:
    """Make the kind of the compiler cache."""
    names = ", ".join(f"`{one}`" for one in CompilerCache)
    words = f"one of {names}, or a table with `name` and `backend`, or a string such as `sccache; backend: gha`"
    name = basic.member(CompilerCache, "compiler cache")
    backend = basic.member(CompilerCacheBackend, "backend")

    def chosen(tool: CompilerCache, place: CompilerCacheBackend) -> CompilerCacheChoice:
        if place is CompilerCacheBackend.GITHUB and tool is not CompilerCache.SCCACHE:
            raise InvalidValue.because(f"the backend {place} is sccache's, and {tool} has none such")
        return CompilerCacheChoice(name=tool, backend=place)

    def read_text(text: str) -> CompilerCacheChoice:
        fields = read_fields(text, "name", ("name", "backend"))
        usual = str(CompilerCacheBackend.VOLUME)
        place = _single(fields, "backend") if "backend" in fields else usual
        return chosen(name(_single(fields, "name")), backend(place))

    def read(value: object) -> CompilerCacheChoice:
        if isinstance(value, str):
            return read_text(value)
        readers: dict[str, Callable[[object], object]] = {
            "name": lambda one: name(basic.read_string(one)),
            "backend": lambda one: backend(basic.read_string(one)),
        }
        table = _read_table(value, words, readers)
        if "name" not in table:
            raise InvalidValue.because("the table needs a name")
        place = table.get("backend", CompilerCacheBackend.VOLUME)
        return chosen(_as(table["name"], CompilerCache), _as(place, CompilerCacheBackend))

    one = shapes.word(CompilerCache)
    entries = {"name": one, "backend": shapes.word(CompilerCacheBackend)}
    shape = shapes.either(one, shapes.table(entries, required=["name"]))
    return Kind(words=words, shape=shape, read=read, read_text=read_text, write=toml_writing.compiler_cache)


_VERSIONS = "`pinned`, `latest`, the path of a constraints file, or a table with `file` or `packages`"


def _versions_of_file(path: str) -> DependencyVersions:
    normal = posixpath.normpath(path.strip().removeprefix("{project}/").removeprefix("{package}/"))
    if posixpath.isabs(normal) or normal == ".." or normal.startswith("../"):
        raise InvalidValue.because(f"expected the path of a file in the project, got {quote(path)}")
    return DependencyVersions(source=VersionSource.FILE, file=normal)


def _versions_of_packages(packages: tuple[str, ...]) -> DependencyVersions:
    if not packages:
        raise InvalidValue.because("expected at least one package")
    return DependencyVersions(source=VersionSource.PACKAGES, packages=packages)


def _versions_of_text(text: str) -> DependencyVersions:
    if text.strip() in {"pinned", "latest"}:
        return DependencyVersions(source=VersionSource(text.strip()))
    fields = read_fields(text, "file", ("file", "packages"))
    if len(fields) != 1:
        raise InvalidValue.because(f"expected {_VERSIONS}, got {describe(text)}")
    if "packages" in fields:
        return _versions_of_packages(fields["packages"])
    return _versions_of_file(_single(fields, "file"))


def dependency_versions() -> Kind[DependencyVersions]:
    """Make the kind of the dependency versions, of a cell's tools."""

    def read(value: object) -> DependencyVersions:
        if isinstance(value, str):
            return _versions_of_text(value)
        readers: dict[str, Callable[[object], object]] = {
            "file": lambda one: _versions_of_file(basic.filled(one)),
            "packages": lambda one: _versions_of_packages(_arguments(one)),
        }
        table = _read_table(value, _VERSIONS, readers)
        if len(table) != 1:
            raise InvalidValue.because(f"expected {_VERSIONS}, got {describe(value)} with {len(table)} keys")
        return _as(next(iter(table.values())), DependencyVersions)

    packages = shapes.either(shapes.FILLED, shapes.listing(shapes.TEXT, may_be_empty=False))
    entries = {"file": shapes.PATH, "packages": packages}
    shape = shapes.either(
        {"enum": ["pinned", "latest"]}, shapes.PATH, shapes.table(entries, minProperties=1, maxProperties=1)
    )
    return Kind(words=_VERSIONS, shape=shape, read=read, read_text=_versions_of_text, write=toml_writing.versions)


def _as(value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(value)
    return value


def _as_words(value: object) -> tuple[str, ...]:
    return tuple(map(str, _as(value, tuple)))
