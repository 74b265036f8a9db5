"""The kind of a list of engines on which cells are spread: `arm=ssh://me@arm.example,jobs=8`, or tables."""

import re
from typing import Final, cast
from urllib.parse import urlsplit

from matrix_runner.config.kinds import basic, shapes, toml_writing
from matrix_runner.config.kinds.basic import Kind
from matrix_runner.config.kinds.values import EngineEntry
from matrix_runner.config.mistakes import InvalidValue, Key, quote, read_each, unknown
from matrix_runner.model.platforms import Arch

_WORDS: Final = (
    "a list of tables with `name`, `endpoint`, and perhaps `arch`, `jobs` and `tls`, or of strings such as"
    " `arm=ssh://me@arm.example,arch=aarch64,jobs=8`"
)
_KEYS: Final = ("name", "endpoint", "arch", "jobs", "tls")
_SCHEMES: Final = ("unix", "tcp", "ssh")
_ADDRESS: Final = rf"unix:///\S|tcp://{shapes.HOST_AND_PORT}(/|$|[,\s])|ssh://\S"
"""The beginning of an address; a host of ssh is looked at more closely."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_JOBS: Final = basic.integer(0, 1000)


def engine_list() -> Kind[tuple[EngineEntry, ...]]:
    """Make the kind of the engines. Their names are unique; without one it is the host, or the file, of the address.

    With `inherit`, an engine that a lower layer names too is what the upper one says of it.
    """
    url = rf"({_ADDRESS})"
    entries = {
        "name": shapes.matching(rf"^\s*({_NAME.pattern})?\s*$"),
        "endpoint": shapes.matching(rf"^\s*{url}"),
        "arch": shapes.word(Arch, also=("",)),
        "jobs": shapes.integer(0, 1000),
        "tls": shapes.TEXT,
    }
    word = shapes.matching(rf"^\s*([^\s=]*=)?{url}")
    one = shapes.either(word, shapes.table(entries, required=["endpoint"]))
    return Kind(
        words=_WORDS,
        shape=shapes.either(word, shapes.matching(r"^\s*$"), shapes.listing(one)),
        read=_read,
        read_text=_read_text,
        may_be_empty=True,
        join=_by_name,
        write=toml_writing.engines,
        is_one_text=True,
    )


def _by_name(lower: object, upper: object) -> tuple[EngineEntry, ...]:
    """Put the engines of two layers together. One of both keeps its place and is what the upper layer says of it."""
    entries = (*cast("tuple[EngineEntry, ...]", lower), *cast("tuple[EngineEntry, ...]", upper))
    return tuple({entry.name: entry for entry in entries}.values())


def _read(value: object) -> tuple[EngineEntry, ...]:
    if isinstance(value, str):
        return _read_text(value)
    values = basic.shaped(value, list[object], _WORDS)
    return _unique(read_each(enumerate(values), _read_one))


def _read_text(text: str) -> tuple[EngineEntry, ...]:
    try:
        return _unique(read_each(enumerate(basic.check_text(text).split()), _of_word))
    except InvalidValue as bad:
        raise bad.without_place() from None


def _read_one(value: object) -> EngineEntry:
    if isinstance(value, str):
        return _of_word(basic.filled(value))
    table = basic.shaped(value, dict[str, object], "a table or a string")

    def read(item: tuple[str, object]) -> object:
        key, one = item
        if key not in _KEYS:
            raise unknown("key", key, _KEYS)
        return str(_JOBS.read(one)) if key == "jobs" else basic.read_string(one)

    items: list[tuple[Key, tuple[str, object]]] = [(key, (key, one)) for key, one in table.items()]
    return _entry(dict(zip(table, map(str, read_each(items, read)), strict=True)))


def _of_word(word: str) -> EngineEntry:
    """Read `[NAME=]URL[,KEY=VALUE]...`."""
    first, *others = word.split(",")
    name, is_named, url = first.partition("=")
    if not is_named or "://" in name:
        name, url = "", first
    fields = {"endpoint": url, **({"name": name} if name else {})}
    for other in others:
        key, has_value, value = other.partition("=")
        if not has_value or key not in _KEYS[2:]:
            raise unknown("key", key, _KEYS[2:])
        fields[key] = value
    return _entry(fields)


def _entry(fields: dict[str, str]) -> EngineEntry:
    endpoint = fields.get("endpoint", "").strip()
    scheme, is_url, rest = endpoint.partition("://")
    if not is_url or not rest or scheme not in _SCHEMES:
        known = ", ".join(f"{one}://" for one in _SCHEMES)
        raise InvalidValue.because(f"expected an endpoint that begins with one of {known}; got {quote(endpoint)}")
    _check_address(endpoint)
    name = fields.get("name", "").strip() or _name_of(endpoint)
    if not _NAME.fullmatch(name):
        raise InvalidValue.because(f"expected a name of letters, digits, `.`, `_` and `-`, got {quote(name)}")
    if fields.get("tls") and scheme != "tcp":
        raise InvalidValue.because(f"tls is for tcp:// only, and the endpoint is {quote(endpoint)}")
    arch = fields.get("arch", "").strip()
    return EngineEntry(
        name=name,
        endpoint=endpoint,
        arch=_arch(arch) if arch else None,
        jobs=_JOBS.read_text(fields["jobs"]) if "jobs" in fields else 0,
        tls=fields.get("tls", ""),
    )


def _arch(text: str) -> Arch:
    meant = Arch.of_machine(text.lower())
    if meant is not None and str(meant) != text.lower():
        raise InvalidValue.because(f'unknown architecture {quote(text)} (did you mean "{meant}"?)')
    return basic.member(Arch, "architecture")(text)


def _check_address(endpoint: str) -> None:
    """Raise InvalidValue for an address at which nothing could ever be asked."""
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidValue.because(f"{quote(endpoint)} is no address: {error}") from error
    match parts.scheme:
        case "unix" if parts.netloc or not parts.path.strip("/"):
            raise InvalidValue.because(f"expected unix:///PATH, with three slashes; got {quote(endpoint)}")
        case "tcp" if not host or port is None:
            raise InvalidValue.because(
                f"expected tcp://HOST:PORT (2376 is Docker's port with TLS, 2375 without); got {quote(endpoint)}"
            )
        case "ssh" if not host:
            raise InvalidValue.because(f"expected ssh://[USER@]HOST[:PORT][/PATH]; got {quote(endpoint)}")
        case _:
            pass


def _name_of(endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint)
        return parts.hostname or parts.path.strip("/").replace("/", "-")
    except ValueError:
        return ""


def _unique(entries: tuple[EngineEntry, ...]) -> tuple[EngineEntry, ...]:
    names = [entry.name for entry in entries]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidValue.because(f"two engines have the name {quote(twice)}: give one of them another")
    return entries
