"""Laws of layers: random ones against a model that does by hand what the reader promises."""

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from matrix_runner.config.loading.dialects import CIBUILDWHEEL, OWN, Dialect
from matrix_runner.config.loading.layers import Given, Inherit, Layer, Origin, resolve
from matrix_runner.config.loading.loading import load
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.loading.variable_layers import FlagValue
from matrix_runner.config.options import BY_NAME, OPTIONS
from matrix_runner.config.options.option import Option, Source
from matrix_runner.model.cells import Cell
from matrix_runner.toml import loads

CELL = Cell.parse("cp311-manylinux_x86_64")
OTHER = Cell.parse("pp310-musllinux_i686")
SELECTING = {"*": True, "cp3{9,11}-*": True, "cp31?-many*": True, "cp39-*": False, "*-musllinux_*": False}
"""Patterns, and whether they select CELL; the last two and no other of them could select cells beside it."""

JOINED = ("test-requires", "before-all", "environment", "config-settings", "test-extras")
SCALAR = ("build-verbosity", "memory", "build-frontend", "dependency-versions")
ANYWHERE = (*JOINED, *SCALAR)
RUN_WIDE = ("skip", "enable", "image")

Text = str
"""A value as it stands in a variable, which is also how the file has it here."""

WORDS: Mapping[str, st.SearchStrategy[Text]] = {
    "test-requires": st.lists(st.sampled_from("abc"), max_size=3).map(" ".join),
    "before-all": st.sampled_from(("", "one", "two", "three")),
    "environment": st.lists(st.sampled_from(("A=1", "A=2", "B=1", "C=1")), max_size=3).map(" ".join),
    "config-settings": st.lists(st.sampled_from(("a=1", "a=2", "b=1", "c=1")), max_size=3).map(" ".join),
    "test-extras": st.lists(st.sampled_from("abc"), max_size=3).map(" ".join),
    "build-verbosity": st.integers(-3, 3).map(str),
    "memory": st.integers(6, 9).map("{}m".format),
    "build-frontend": st.sampled_from(("pip", "uv", "build; args: -x")),
    "dependency-versions": st.sampled_from(("pinned", "latest", "a.txt")),
    "skip": st.lists(st.sampled_from(("cp39-*", "pp*", "gp*")), max_size=3).map(" ".join),
    "enable": st.lists(st.sampled_from(("pypy", "graalpy", "eol")), max_size=3).map(" ".join),
    "image": st.sampled_from(("", "debian", "manylinux_2_34")),
}


def together(name: str, lower: Text, upper: Text) -> Text:
    """Write what both texts mean together, the way a person would write it."""
    if name == "before-all":
        return " && ".join(filter(None, (lower, upper)))
    if name == "config-settings":
        # A key keeps its place; what is passed on for it is the upper one's.
        words: dict[str, list[str]] = {word.partition("=")[0]: [] for word in (*lower.split(), *upper.split())}
        for key in words:
            words[key] = [w for w in upper.split() if w.startswith(key)] or [
                w for w in lower.split() if w.startswith(key)
            ]
        return " ".join(word for several in words.values() for word in several)
    return f"{lower} {upper}".strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What one layer says of the option. `pattern`: of an override."""

    text: Text
    rule: Inherit
    pattern: str = "*"


@st.composite
def said(draw: st.DrawFn, name: str) -> Said:
    """Draw what a layer says."""
    rules = st.sampled_from(Inherit) if name in JOINED else st.just(Inherit.NONE)
    return Said(text=draw(WORDS[name]), rule=draw(rules), pattern=draw(st.sampled_from(tuple(SELECTING))))


@dataclass(kw_only=True, slots=True)
class Written:
    """A configuration, put together line by line, and for each layer where its value stands."""

    lines: list[str] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    flags: dict[str, FlagValue] = field(default_factory=dict)
    steps: list[tuple[Said, str]] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)

    def table(self, header: str, path: str, name: str, one: Said, *more: str) -> None:
        """Write a table with the option in it."""
        value = one.text if name == "build-verbosity" else json.dumps(one.text)
        self.lines += [header, *more, f"{name} = {value}"]
        self.steps.append((one, f"pyproject.toml:{len(self.lines)}: {path}.{name}"))
        if one.rule is not Inherit.NONE:
            self.lines.append(f'inherit.{name} = "{one.rule}"')

    def variable(self, name: str, suffix: str, one: Said) -> None:
        """Set a variable."""
        variable = BY_NAME[name].variable + suffix.upper().replace("-", "_")
        self.environ[variable] = one.text
        self.steps.append((one, variable))
        if one.rule is not Inherit.NONE or BY_NAME[name].adds:
            self.rules.append(f"{name}{suffix}: {one.rule}")

    def load(self, directory: Path) -> Settings:
        """Have it read."""
        (directory / "pyproject.toml").write_text("\n".join(self.lines))
        return load(
            directory, environ=self.environ | {"MATRIX_RUNNER_INHERIT": "; ".join(self.rules)}, flags=self.flags
        )


def write(name: str, layers: Mapping[str, Said | None], overrides: Sequence[Said]) -> Written:
    """Write a configuration of these layers."""
    made = Written()
    if one := layers.get("table"):
        made.table("[tool.matrix-runner]", "tool.matrix-runner", name, one)
    if one := layers.get("linux"):
        made.table("[tool.matrix-runner.linux]", "tool.matrix-runner.linux", name, one)
    for number, one in enumerate(overrides):
        path = f"tool.matrix-runner.overrides[{number}]"
        made.table("[[tool.matrix-runner.overrides]]", path, name, one, f'select = "{one.pattern}"')
    if one := layers.get("variable"):
        made.variable(name, "", one)
    if one := layers.get("linux variable"):
        made.variable(name, "-linux", one)
    return made


def expected(name: str, steps: Sequence[tuple[Said, str]]) -> tuple[object, str]:
    """Work out value and origin by hand. No option that can be joined has a default with something in it here."""
    option = BY_NAME[name]
    result: Text | None = None
    origins: list[str] = []
    for one, origin in steps:
        match one.rule:
            case Inherit.NONE:
                result, origins = one.text, [origin]
            case Inherit.APPEND:
                result, origins = together(name, result or "", one.text), [*origins, origin]
            case Inherit.PREPEND:
                result, origins = together(name, one.text, result or ""), [*origins, origin]
    return (option.default, "default") if result is None else (option.kind.read_text(result), " and ".join(origins))


LAYERS = ("table", "linux", "variable", "linux variable")


@st.composite
def configurations(draw: st.DrawFn) -> tuple[str, dict[str, Said | None], list[Said]]:
    """Draw an option, what each layer says of it, and overrides."""
    name = draw(st.sampled_from(ANYWHERE))
    present = {layer: draw(st.none() | said(name)) for layer in LAYERS}
    if not BY_NAME[name].per_platform:
        present["linux variable"] = None
    return name, present, draw(st.lists(said(name), max_size=4))


@settings(max_examples=150)
@given(drawn=configurations())
def test_layers_are_what_a_model_makes_of_them(
    drawn: tuple[str, dict[str, Said | None], list[Said]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the layers say, a cell's value and its origin are those of the layers that concern it, one by one."""
    name, layers, overrides = drawn
    made = write(name, layers, overrides)
    loaded = made.load(tmp_path_factory.mktemp("project"))
    option = BY_NAME[name]
    for_all = [step for step in made.steps if "overrides[" not in step[1]]
    for_cell = [step for step in made.steps if "overrides[" not in step[1] or SELECTING[step[0].pattern]]
    assert (loaded[option], str(loaded.origin(option))) == expected(name, for_all)
    cell = loaded.for_cell(CELL)
    assert (cell[option], str(cell.origin(option))) == expected(name, for_cell)
    others = [other for other in OPTIONS if other is not option]
    assert all(cell[other] == other.default and str(cell.origin(other)) == "default" for other in others)


@settings(max_examples=80)
@given(drawn=configurations(), data=st.data())
def test_only_overrides_that_select_a_cell_matter_to_it(
    drawn: tuple[str, dict[str, Said | None], list[Said]],
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Overrides of other cells may be left out or stand anywhere: the value is the same. Others have the run's."""
    name, layers, overrides = drawn
    selecting = [one for one in overrides if SELECTING[one.pattern]]
    mixed = list(selecting)
    for one in overrides:
        if not SELECTING[one.pattern]:
            mixed.insert(data.draw(st.integers(0, len(mixed))), one)
    directory = tmp_path_factory.mktemp("project")
    option = BY_NAME[name]
    first, second, third = (write(name, layers, each).load(directory) for each in (overrides, selecting, mixed))
    assert first.for_cell(CELL)[option] == second.for_cell(CELL)[option] == third.for_cell(CELL)[option]
    if not any(one.pattern in {"*", "*-musllinux_*"} for one in overrides):
        assert first.for_cell(OTHER) is first


@settings(max_examples=80)
@given(name=st.sampled_from(RUN_WIDE), data=st.data())
def test_flags_are_above_everything(name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A flag is the last word; for groups of interpreters, the last addition."""
    option = BY_NAME[name]
    rule = Inherit.APPEND if option.adds else Inherit.NONE
    layers: dict[str, Said | None] = {
        layer: data.draw(st.none() | WORDS[name].map(lambda text: Said(text=text, rule=Inherit.NONE)))
        for layer in ("table", "linux")
    }
    layers["variable"] = data.draw(st.none() | WORDS[name].map(lambda text: Said(text=text, rule=rule)))
    made = write(name, layers, ())
    words = data.draw(st.none() | WORDS[name])
    if words is not None:
        made.flags[name] = tuple(words.split()) if option.repeatable else words
        if words or not option.repeatable:
            made.steps.append((Said(text=words, rule=rule), str(option.flag)))
    loaded = made.load(tmp_path_factory.mktemp("project"))
    value, origin = expected(name, made.steps)
    assert loaded[option] == value
    assert str(loaded.origin(option)) == origin


CAN_JOIN = tuple(option for option in OPTIONS if option.kind.join is not None)


def given_of(option: Option[object], value: object, rule: Inherit, number: int) -> Layer:
    """Return a layer that gives an option a value."""
    origin = Origin(source=Source.FILE, text=str(number))
    return Layer(given=(Given(name=option.name, value=value, origin=origin, rule=rule),))


def resolved(option: Option[object], *values: tuple[object, Inherit]) -> object:
    """Resolve layers of these values, lowest first."""
    return resolve(option, [given_of(option, value, rule, n) for n, (value, rule) in enumerate(values)]).value


@st.composite
def joinable(draw: st.DrawFn) -> tuple[Option[object], object, object, object]:
    """Draw an option and three values of it."""
    option = draw(st.sampled_from(CAN_JOIN))
    one = GOOD[option.name].map(option.kind.read)
    return option, draw(one), draw(one), draw(one)


def good_values() -> dict[str, st.SearchStrategy[object]]:
    """Return what each option accepts in a file, by its name."""
    text = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0{}"), max_size=12)
    filled = text.filter(lambda one: bool(one.strip()))
    plain = st.text(alphabet=string.ascii_letters + string.digits, min_size=1, max_size=5)
    scalar = text | st.booleans() | st.integers(-9, 9)
    patterns = st.lists(st.sampled_from(("cp3?-*", "{cp39,pp*}-*_{i686,x86_64}", "*[!1]-many*", "cp3{1..3}-*")))
    pairs = st.dictionaries(
        st.sampled_from(("A", "B_1", "PATH")), text.map(lambda one: one.replace("$", "").replace("`", ""))
    )
    commands = text | st.lists(filled, max_size=3) | st.just("a {project} #{x} '{print}'")
    several: dict[tuple[str, ...], st.SearchStrategy[object]] = {
        ("build", "skip", "test-skip", "rebuild"): patterns,
        ("before-all", "before-build", "test-command", "before-test", "repair-wheel-command"): commands,
        ("environment", "test-environment"): pairs,
        ("test-requires", "audit-requires"): st.lists(filled, max_size=3),
        ("test-extras", "test-groups", "test-sources", "test-results", "before-all-inputs"): st.lists(
            plain, max_size=3
        ),
        ("step-timeout", "silence-timeout", "cache-max-age", "engine-timeout"): st.integers(0, 86400),
        ("source-include", "source-exclude"): st.lists(plain, max_size=3),
        ("packages",): st.lists(st.sampled_from(("core", "plugins/*", "!plugins/old")), max_size=3),
    }
    made: dict[str, st.SearchStrategy[object]] = {name: one for names, one in several.items() for name in names}
    made |= {
        "archs": st.lists(st.sampled_from(("auto", "x86_64", "i686", "all", "auto32")), min_size=1),
        "enable": st.lists(st.sampled_from(("pypy", "eol", "all", "cpython-prerelease"))),
        "environment-pass": st.lists(st.sampled_from(("A", "_B1"))),
        "secret-variables": st.lists(st.sampled_from(("A_*", "!_B1", "[ab]?"))),
        "test-on": st.lists(st.sampled_from(("debian:trixie", "alpine", "quay.io/a/b@sha256:00"))),
        "audit-command": st.sampled_from(("", "x {wheel}", "a '{abi3_wheel}'")),
        "build-verbosity": st.integers(-3, 3),
        "repair-compression": st.integers(-1, 9),
        "strip": st.booleans(),
        "sboms": st.lists(st.sampled_from(("sbom.cdx.json", "ci/a.spdx.json"))),
        "free-threading": st.sampled_from(("check", "require", "off")),
        "network": st.sampled_from(("auto", "all", "build-requires", "none")),
        "sandbox": st.sampled_from(("default", "strict", "off")),
        "accept": st.lists(st.sampled_from(("foreign-elf", "foreign-elf:demo/*", "other-python", "unrepaired"))),
        "jobs": st.integers(0, 1000),
        "retries": st.integers(0, 10),
        "cpus": st.integers(0, 1000),
        "memory": st.integers(6 * 1024**2, 1024**5),
        "max-wheel-size": st.integers(1, 1024**4),
        "cache-size": st.integers(1024**2, 1024**5),
        "cache-dir": filled,
        "cache-remote": st.sampled_from(("", "s3://bucket/prefix")),
        "source-files": st.sampled_from(("git", "all")),
        "progress": st.sampled_from(("auto", "live", "plain", "quiet", "json")),
        "cache-carry": st.sampled_from(("auto", "off", "on", "all")),
        "cache-scope": filled,
        "compiler-cache": st.sampled_from(("none", "ccache", "sccache", "sccache; backend: gha")),
        "output-dir": filled,
        "report-dir": text,
        "project-dir": text,
        "project-requires-python": st.sampled_from((">=3.9", "<4,!=3.11.*", "")),
        "config-settings": st.dictionaries(plain, scalar | st.lists(scalar, max_size=3), max_size=3),
        "build-frontend": st.fixed_dictionaries(
            {"name": st.sampled_from(("pip", "build[uv]")), "args": st.lists(text)}
        ),
        "container-engine": st.fixed_dictionaries(
            {
                "name": st.sampled_from(("docker", "local")),
                "create-args": st.lists(st.sampled_from(("-t", "--network=a b"))),
            },
            optional={"disable-host-mount": st.booleans()},
        ),
        "engines": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(("a", "b-1", "c.d")), "endpoint": st.sampled_from(("unix:///s", "ssh://h"))},
                optional={"arch": st.sampled_from(("aarch64", "x86_64")), "jobs": st.integers(0, 1000)},
            ),
            max_size=3,
            unique_by=lambda entry: str(entry["name"]),
        ),
        "cluster": st.sampled_from(("", "tls://scheduler:8786", "shared/scheduler.json")),
        "build-constraints": plain | st.lists(plain, max_size=3),
        "exclude-newer": st.sampled_from(("", "7d", "2 weeks", "2026-11-01", "2026-11-01T12:00:00+02:00")),
        "log-folds": st.sampled_from(("auto", "none", "gitlab")),
        "dependency-versions": st.fixed_dictionaries({"packages": st.lists(filled, min_size=1)})
        | st.fixed_dictionaries({"file": plain})
        | st.sampled_from(("pinned", "latest")),
    }
    return made


GOOD = good_values()
OTHERS = st.booleans()
IMAGES = st.sampled_from(("debian", "manylinux_2_28", "registry.example/a/b@sha256:0"))


def good(option: Option[object]) -> st.SearchStrategy[object]:
    """Return values that an option accepts in a file."""
    return GOOD.get(option.name, IMAGES if option.name.endswith("image") else OTHERS)


@given(drawn=joinable())
def test_appending_nothing_changes_nothing(drawn: tuple[Option[object], object, object, object]) -> None:
    """A layer that adds an empty value, before or after, leaves the value as it is."""
    option, value, _, _ = drawn
    empty: object = "" if isinstance(value, str) else ()
    alone = resolved(option, (value, Inherit.NONE))
    assert alone == value
    for rule in (Inherit.APPEND, Inherit.PREPEND):
        assert resolved(option, (value, Inherit.NONE), (empty, rule)) == value


@given(drawn=joinable())
def test_prepending_is_appending_the_other_way_round(drawn: tuple[Option[object], object, object, object]) -> None:
    """To put x before y is to put y after x; and it makes no difference which of three are put together first."""
    option, first, second, third = drawn
    before = resolved(option, (second, Inherit.NONE), (first, Inherit.PREPEND))
    assert before == resolved(option, (first, Inherit.NONE), (second, Inherit.APPEND))
    left = resolved(option, (before, Inherit.NONE), (third, Inherit.APPEND))
    after = resolved(option, (second, Inherit.NONE), (third, Inherit.APPEND))
    assert left == resolved(option, (after, Inherit.NONE), (first, Inherit.PREPEND))


@given(drawn=joinable(), rule=st.sampled_from(Inherit))
def test_no_rule_reaches_below_a_replacement(
    drawn: tuple[Option[object], object, object, object], rule: Inherit
) -> None:
    """What a layer replaces is gone, however it came about."""
    option, first, second, third = drawn
    whole = resolved(option, (first, Inherit.NONE), (second, rule), (third, Inherit.NONE))
    assert whole == resolved(option, (third, Inherit.NONE)) == third


CASES = tuple((dialect, option) for dialect in (OWN, CIBUILDWHEEL) for option in dialect.in_file.values())


@settings(max_examples=200)
@given(case=st.sampled_from(CASES).flatmap(lambda pair: st.tuples(st.just(pair), good(pair[1]))))
def test_what_explain_shows_reads_back(case: tuple[tuple[Dialect, Option[object]], object]) -> None:
    """Every option's value, as `explain` and `migrate` write it, is read by our table as the same value."""
    (dialect, option), raw = case
    # cibuildwheel puts a table's values between double quotes as they are, and then fails to parse this.
    assume(dialect is OWN or not (option.name.endswith("environment") and '"' in str(raw)))
    value = dialect.kind(option).read(raw)
    assert option.kind.read(loads(f"x = {option.kind.write(value)}")["x"]) == value


def test_every_option_has_good_values() -> None:
    """The strategies above know every option of the file, so that the law speaks of all."""
    for option in OWN.in_file.values():
        known = option.name in GOOD or option.name.endswith("image") or isinstance(option.default, bool)
        assert known, option.name
