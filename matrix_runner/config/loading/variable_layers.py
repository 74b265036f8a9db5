"""The configuration layers of environment variables and of command-line flags."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from matrix_runner.config.loading.diagnostics import Diagnostics, Position, position_in
from matrix_runner.config.loading.dialects import LINUX, OWN, Dialect
from matrix_runner.config.loading.layers import Given, Inherit, Layer
from matrix_runner.config.mistakes import Key, did_you_mean, path, printable, quote
from matrix_runner.config.options import BY_NAME
from matrix_runner.config.options.option import Option, Source

FlagValue = str | tuple[str, ...] | bool | int

_PLATFORM = "PLATFORM"
_INHERIT = "inherit"


def variable_layers(environ: Mapping[str, str], dialect: Dialect, diagnostics: Diagnostics) -> Iterator[Layer]:
    """Read the dialect's variables: those for every system, then, above them, those for Linux."""
    given = {name: text for name, text in environ.items() if name.startswith(dialect.prefix)}
    for suffix in ("", f"-{LINUX}"):
        layer: list[Given] = []
        rules = _rules(given, dialect, diagnostics, suffix)
        for known, option in dialect.in_environment.items():
            variable = dialect.variable(known + suffix)
            text = given.get(variable)
            kind = dialect.kind(option)
            # CI systems set a build matrix's variables to nothing: where empty is invalid, that means unset.
            if text is None or (suffix and not option.per_platform) or not (text.strip() or kind.may_be_empty):
                continue
            one = diagnostics.value(option.name, kind.read_text, text, Source.ENVIRONMENT, position_in(variable))
            if one is not None:
                diagnostics.notices += [f"{variable}: {remark}" for remark in kind.remarks(text)]
                rule = rules.get(option.name, Inherit.APPEND if option.adds else Inherit.NONE)
                layer.append(replace(one, rule=rule))
        yield Layer(given=tuple(layer))
    _find_unknown(given, dialect, diagnostics)


def _rules(given: Mapping[str, str], dialect: Dialect, diagnostics: Diagnostics, suffix: str) -> Mapping[str, Inherit]:
    variable = dialect.variable(_INHERIT)
    # Its mistakes are reported once, though it is read for both layers.
    noted = Diagnostics() if suffix else diagnostics
    rules = noted.inherit(given.get(variable, ""), dialect, _beside(variable), suffix=f"-{LINUX}")
    if not suffix:
        return rules
    return {name.removesuffix(suffix): rule for name, rule in rules.items() if name.endswith(suffix)}


def _beside(variable: str) -> Position:
    def position(*keys: Key) -> str:
        return ": ".join((variable, *map(path, keys)))

    return position


def _find_unknown(given: Mapping[str, str], dialect: Dialect, diagnostics: Diagnostics) -> None:
    known = {dialect.variable(name) for name in dialect.in_environment}
    for_linux = {dialect.variable(f"{o.name}-{LINUX}") for o in dialect.in_environment.values() if o.per_platform}
    elsewhere = {dialect.variable(name) for name in dialect.elsewhere}
    endings = tuple(f"_{platform.upper()}" for platform in dialect.platforms)
    only_flags = {dialect.variable(o.name): o.flag for o in BY_NAME.values() if o.is_flag_only and dialect is OWN}
    read = known | for_linux | dialect.silent | {dialect.variable(_INHERIT)}
    for name in sorted(given.keys() - read):
        if not dialect.is_strict and name == dialect.prefix + _PLATFORM:
            if given[name].strip().lower() not in {"", "auto", LINUX}:
                diagnostics.wrong(
                    f"{name}: expected {LINUX} or auto, got {quote(given[name])}: only Linux wheels are built"
                )
        elif (name.endswith(endings) and endings) or name in elsewhere:
            diagnostics.elsewhere.append(name)
        elif name in only_flags:
            diagnostics.wrong(f"{name}: can only be given on the command line, as {only_flags[name]}")
        else:
            diagnostics.odd(f"{printable(name)}: unknown variable{did_you_mean(name, known | for_linux)}", dialect)


def flag_layer(flags: Mapping[str, FlagValue], dialect: Dialect, diagnostics: Diagnostics) -> Layer:
    """Read the given flags, in the dialect's kinds; repeated values of a flag are joined."""
    layer: list[Given] = []
    for name, raw in flags.items():
        option = BY_NAME[name]
        kind = dialect.kind(option)
        position = position_in(option.flag or f"--{name}")
        one: Given | None = None
        if isinstance(raw, tuple):
            for text in (" ".join(raw),) if raw and kind.is_one_text else raw:
                further = diagnostics.value(name, kind.read_text, text, Source.FLAG, position)
                one = _together(option, one, further)
        elif isinstance(raw, str):
            one = diagnostics.value(name, kind.read_text, raw, Source.FLAG, position)
        else:
            one = diagnostics.value(name, kind.read, raw, Source.FLAG, position)
        if one is not None:
            rule = Inherit.APPEND if option.adds else Inherit.NONE
            layer.append(replace(one, rule=rule))
    return Layer(given=tuple(layer))


def _together(option: Option[object], first: Given | None, second: Given | None) -> Given | None:
    if first is None or second is None or option.kind.join is None:
        return second or first
    return replace(second, value=option.kind.join(first.value, second.value))
