"""Kinds with a grammar of their own: patterns, architectures, commands, environments, requirements."""

import re
from functools import partial
from typing import cast

from msgspec.structs import replace

from matrix_runner.config.kinds import basic, placeholders, shapes, toml_writing
from matrix_runner.config.kinds.assignments import check_name, parse_assignments, quotable
from matrix_runner.config.kinds.basic import Kind
from matrix_runner.config.kinds.selectors import check_expansion
from matrix_runner.config.kinds.values import ArchChoice, ArchGroup, ConfigSettings, Variables
from matrix_runner.config.mistakes import InvalidValue, describe, quote, read_each, unknown
from matrix_runner.model.platforms import Arch

_PATTERN = re.compile(r"[A-Za-z0-9_*?\[\]{}!,.:-]+")
_PATTERNS = r"^[A-Za-z0-9_*?\[\]{}!,.:\s-]*$"


def _pattern(text: str) -> str:
    """Check a selector: shell wildcards and brace alternatives over identifiers."""
    if not _PATTERN.fullmatch(text):
        odd = re.sub(_PATTERN, "", text)[0]
        raise InvalidValue.because(f"no identifier holds {quote(odd)}: {quote(text)}")
    depth, position = 0, 0
    while position < len(text):
        character = text[position]
        if character == "[":
            # As in fnmatch: a leading "]" is a member of the set.
            start = position + (3 if text.startswith("[!]", position) else 2)
            position = text.find("]", start)
            if position < 0:
                raise InvalidValue.because(f'"[" is not closed in the pattern {quote(text)}')
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
        elif character == "," and depth == 0:
            raise InvalidValue.because(f"patterns are separated by spaces, not commas: {quote(text)}")
        if depth < 0:
            raise InvalidValue.because(f'"}}" without "{{" in the pattern {quote(text)}')
        position += 1
    if depth:
        raise InvalidValue.because(f'"{{" is not closed in the pattern {quote(text)}')
    return check_expansion(text)


def patterns(*, empty_means: tuple[str, ...] = (), strict: bool = True) -> Kind[tuple[str, ...]]:
    """Make the kind of a list of selectors; unless `strict`, patterns that no identifier can match are accepted."""
    plain = basic.Listing(
        item=_pattern if strict else check_expansion,
        words="a list of patterns, or a string of them separated by spaces",
        split=_split,
        split_items=True,
        shape=shapes.matching(_PATTERNS),
        item_shape={**shapes.matching(_PATTERNS), "minLength": 1},
    ).kind()
    return Kind(
        words=plain.words,
        shape=plain.shape,
        read=lambda value: plain.read(value) or empty_means,
        read_text=lambda text: plain.read_text(text) or empty_means,
        may_be_empty=True,
        join=plain.join,
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(basic.check_text(text).split())


def arch(text: str) -> ArchChoice:
    """Read an architecture or a group of them, in any case."""
    folded = text.strip().lower()
    choices: dict[str, ArchChoice] = {
        **{str(arch): arch for arch in Arch},
        **{str(group): group for group in ArchGroup},
    }
    if folded in choices:
        return choices[folded]
    alias = Arch.of_machine(folded)
    if alias is not None:
        raise InvalidValue.because(
            f'unknown architecture {quote(text)} (did you mean "{alias}"?); known: {", ".join(choices)}'
        )
    raise unknown("architecture", text, choices)


def architectures() -> Kind[tuple[ArchChoice, ...]]:
    """Make the kind of a list of architectures and groups of them."""
    return basic.Listing(
        item=arch,
        words="a list of architectures, or a string of them separated by spaces or commas",
        split=basic.split_words,
        split_items=True,
        may_be_empty=False,
        shape=shapes.word((*ArchGroup, *Arch)),
        item_shape=shapes.word((*ArchGroup, *Arch)),
    ).kind()


def command(*allowed: str, strict: bool = True) -> Kind[str]:
    """Make the kind of a shell command with the allowed placeholders; unless `strict`, others are literal text."""
    words = "a shell command, or a list of commands of which each must succeed"
    if not set(allowed) <= set(placeholders.PLACEHOLDERS):
        raise ValueError(allowed)

    def read_one(text: str) -> str:
        if strict:
            placeholders.check(text, allowed)
        return text

    def read(value: object) -> str:
        if isinstance(value, str):
            return read_one(basic.read_string(value).strip())
        values = basic.shaped(value, list[object], words)
        return _in_turn(*read_each(enumerate(values), lambda item: read_one(basic.filled(item).strip())))

    shape = shapes.either(shapes.TEXT, shapes.listing(shapes.FILLED))
    return Kind(words=words, shape=shape, read=read, read_text=read, may_be_empty=True, join=_in_turn)


def _in_turn(*commands: object) -> str:
    """Join commands so that each must succeed."""
    return " && ".join(text for text in map(str, commands) if text)


def audit_command(*, strict: bool = True) -> Kind[str]:
    """Make the kind of audit commands: at least one must name the wheel, none by both names."""
    plain = command("wheel", "abi3_wheel", "project", "package", strict=strict)
    names = ("{wheel}", "{abi3_wheel}")

    def check(text: str) -> str:
        if any(all(name in part for name in names) for part in text.split(" && ")):
            raise InvalidValue.because("expected one of {wheel} and {abi3_wheel} in a command, got both")
        if text and not any(name in text for name in names):
            raise InvalidValue.because("expected {wheel} or {abi3_wheel} in it, got neither")
        return text

    return replace(
        plain,
        shape=shapes.either(shapes.matching(r"^\s*$|\{(abi3_)?wheel\}"), shapes.listing(shapes.FILLED)),
        read=lambda value: check(plain.read(value)),
        read_text=lambda text: check(plain.read_text(text)),
    )


def version_specifier() -> Kind[str]:
    """Make the kind of a version specifier (PEP 440) for Python versions."""

    def read(value: object) -> str:
        return basic.check_specifier(basic.read_string(value).strip())

    return basic.string(words="a version specifier such as `>=3.9`", read=read, may_be_empty=False)


def environment() -> Kind[Variables]:
    """Make the kind of a set of environment variables."""
    words = 'a table of variables, or a string of assignments such as `A=1 B="two words"`'

    def entry(pair: tuple[str, object]) -> tuple[str, str]:
        return (check_name(pair[0]), quotable(basic.read_scalar(pair[1])))

    def read_text(text: str) -> Variables:
        return parse_assignments(basic.check_text(text))

    def read(value: object) -> Variables:
        return read_text(value) if isinstance(value, str) else basic.read_table(value, words, entry)

    return Kind(
        words=words,
        shape=shapes.either(shapes.TEXT, shapes.mapping(shapes.NAME, shapes.SCALAR)),
        read=read,
        read_text=read_text,
        may_be_empty=True,
        join=_added,
        write=toml_writing.variables,
    )


def _added(lower: object, upper: object) -> Variables:
    """Put the upper variables after the lower ones, which they may use."""
    return (*cast("Variables", lower), *cast("Variables", upper))


def variable_names() -> Kind[tuple[str, ...]]:
    """Make the kind of a list of names of environment variables."""
    words = "a list of names of environment variables, or a string of them separated by spaces"
    shape = shapes.matching(r"^[A-Za-z0-9_,\s]*$")
    return basic.Listing(
        item=check_name, words=words, split=basic.split_words, split_items=True, shape=shape, item_shape=shape
    ).kind()


_KEY = r"^[^=\s]([^=]*[^=\s])?$"


def _key(text: str) -> str:
    if not text or "=" in text or text != text.strip():
        raise InvalidValue.because(f"{quote(text)} cannot be the key of a setting")
    return basic.check_text(text)


def _settings_of_text(text: str) -> ConfigSettings:
    found: dict[str, tuple[str, ...]] = {}
    for word in basic.split_shell(text):
        name, equals, value = word.partition("=")
        if not equals:
            raise InvalidValue.because(f"expected key=value, got {quote(word)}")
        found[_key(name)] = (*found.get(name, ()), value)
    return tuple(found.items())


def _settings_together(lower: object, upper: object) -> ConfigSettings:
    """Replace lower keys by upper ones."""
    return tuple({**dict(cast("ConfigSettings", lower)), **dict(cast("ConfigSettings", upper))}.items())


def config_settings(*, true: str = "true", false: str = "false") -> Kind[ConfigSettings]:
    """Make the kind of build backend settings; `true` and `false`: the text for booleans."""
    words = "a table of strings or lists of strings, or a string such as `key=value key2=value2`"
    scalar = partial(basic.read_scalar, true=true, false=false)

    def entry(pair: tuple[str, object]) -> tuple[str, tuple[str, ...]]:
        name, value = pair
        if isinstance(value, list):
            return (_key(name), read_each(enumerate(value), scalar))
        if isinstance(value, dict):
            raise InvalidValue.because(f"expected a string or a list of strings, got {describe(value)}")
        return (_key(name), (scalar(value),))

    def read(value: object) -> ConfigSettings:
        return _settings_of_text(value) if isinstance(value, str) else basic.read_table(value, words, entry)

    return Kind(
        words=words,
        shape=shapes.either(
            shapes.TEXT, shapes.mapping(_KEY, shapes.either(shapes.SCALAR, shapes.listing(shapes.SCALAR)))
        ),
        read=read,
        read_text=_settings_of_text,
        may_be_empty=True,
        join=_settings_together,
        write=toml_writing.settings,
    )


def requirements() -> Kind[tuple[str, ...]]:
    """Make the kind of a list of requirements; the installer validates each."""
    words = "a list of requirements, or a string of them separated by spaces"
    return basic.Listing(item=lambda text: text.strip(), words=words, split=basic.split_shell, unique=False).kind()
