"""The law of `runner migrate`: whatever cibuildwheel's table says of Linux, ours says after it, for every cell."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import tomlkit
from hypothesis import assume, given
from hypothesis import strategies as st

from matrix_runner import catalog
from matrix_runner.config.kinds.placeholders import fill
from matrix_runner.config.kinds.selectors import Selector
from matrix_runner.config.loading.dialects import CIBUILDWHEEL, OWN
from matrix_runner.config.loading.loading import load
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.migration.migration import migrate
from matrix_runner.config.migration.unrepaired import delivers_as_built
from matrix_runner.config.options.build_options import ACCEPT, REPAIR_WHEEL_COMMAND
from matrix_runner.config.options.selection_options import BUILD, SKIP, TEST_SKIP
from matrix_runner.errors import ConfigError
from matrix_runner.model.checks import Accepted, Check
from matrix_runner.toml import TOMLValue, loads

patterns: st.SearchStrategy[TOMLValue] = st.sampled_from(
    [
        "*",
        "cp3*",
        "cp31{1,2}-*",
        "pp*",
        "*-musllinux_*",
        "*_i686",
        "*-win32 *-macosx_*",
        "*-[!win]*",
        r"cp\*",
        "{cp,",
        "",
    ]
)
commands: st.SearchStrategy[TOMLValue] = st.sampled_from(
    ["make", "", "x {project} {package}", "x {projct} '{a}' ${B} #{c} {}", "a 'b'\n c", 3, True]
)
texts: st.SearchStrategy[TOMLValue] = st.sampled_from(
    ["", "x", "a b", 'a"b', "a'b", "$X", "$(y z)", r"a\b", "é # no", "1"]
)
scalars: st.SearchStrategy[TOMLValue] = texts | st.booleans() | st.integers(-9, 9) | st.just(1.5)


def one_or_many(items: st.SearchStrategy[TOMLValue]) -> st.SearchStrategy[TOMLValue]:
    """Return values, and lists of them."""
    return items | st.lists(items, max_size=3)


def table(values: st.SearchStrategy[TOMLValue]) -> st.SearchStrategy[TOMLValue]:
    """Return tables of variables or settings."""
    return st.dictionaries(st.sampled_from(["A", "B_C", "d"]), values, max_size=3)


VALUES: Mapping[str, st.SearchStrategy[TOMLValue]] = {
    "archs": one_or_many(st.sampled_from(["auto", "auto64", "native", "all", "i686", "arm64", "x86_64 aarch64", ""])),
    "audit-command": st.sampled_from(["", "abi3audit {wheel}", "x {abi3_wheel} {y}"]),
    "audit-requires": one_or_many(texts),
    "before-all": one_or_many(commands),
    "before-build": one_or_many(commands),
    "before-test": one_or_many(commands),
    "build": one_or_many(patterns),
    "build-frontend": st.sampled_from(["default", "build", "pip; args: -v", "build[uv]", "uv", ""])
    | st.fixed_dictionaries({"name": st.sampled_from(["build", "pip"])}, optional={"args": one_or_many(texts)}),
    "build-verbosity": st.integers(-9, 9) | texts,
    "config-settings": st.sampled_from(["", "a=b c='d e'", "a", "a=1 a=2"]) | table(one_or_many(scalars)),
    "container-engine": st.sampled_from(["docker", "podman", "docker; create-args: --privileged"])
    | st.fixed_dictionaries(
        {"name": st.just("docker")},
        optional={"create_args": st.just(["-e", "A=b"]), "disable-host-mount": st.just("on")},
    ),
    "dependency-versions": st.sampled_from(["pinned", "latest", "", "a b.txt", {"packages": ["x"]}, {"file": "a.txt"}]),
    "enable": one_or_many(st.sampled_from(["pypy", "all", "pypy graalpy", "pyodide-eol", "cpython-freethreading"])),
    "environment": st.sampled_from(["", 'A=1 B="x y"', "A=$(b 'c d')", "A=1 # x"]) | table(scalars),
    "environment-pass": one_or_many(st.sampled_from(["A", "B C", ""])),
    "manylinux-x86_64-image": texts,
    "musllinux-i686-image": texts,
    "repair-wheel-command": one_or_many(commands | st.just("cp {wheel} {dest_dir}")),
    "skip": one_or_many(patterns),
    "test-command": one_or_many(commands),
    "test-environment": table(scalars),
    "test-extras": one_or_many(st.sampled_from(["a", "b", ""])),
    "test-requires": one_or_many(st.sampled_from(["pytest", "-r a.txt", "x; y", "'a b'", ""])),
    "test-skip": one_or_many(patterns),
    "test-sources": one_or_many(st.sampled_from(["tests", "a/b", ""])),
    "xbuild-tools": st.just(["cmake"]),
}
rules = st.dictionaries(
    st.sampled_from([*VALUES]).filter("xbuild-tools".__ne__), st.sampled_from(["none", "append", "prepend"]), max_size=3
)


def as_text(table: Mapping[str, str]) -> TOMLValue:
    """Write rules as one string."""
    return "; ".join(f"{name}: {rule}" for name, rule in table.items())


inherits: st.SearchStrategy[TOMLValue] = st.builds(dict[str, TOMLValue], rules) | rules.map(as_text)
options = st.fixed_dictionaries({}, optional={**VALUES, "inherit": inherits})
few = st.sets(st.sampled_from([*VALUES, "inherit"]), max_size=5)


def some(of: st.SearchStrategy[dict[str, TOMLValue]]) -> st.SearchStrategy[dict[str, TOMLValue]]:
    """Return tables with not too many of the options."""
    return st.builds(lambda table, names: {k: v for k, v in table.items() if k in names}, of, few)


overrides = st.lists(
    st.builds(lambda one, select: {"select": select, **one}, some(options), one_or_many(patterns)), max_size=3
)
tables = st.builds(
    lambda top, below: {**top, **below},
    some(options),
    st.fixed_dictionaries({}, optional={"linux": some(options), "overrides": overrides, "macos": some(options)}),
)
PATTERNS = (BUILD, SKIP, TEST_SKIP)
UNREPAIRED = (Accepted(check=Check.UNREPAIRED),)
COMMENT = "# a comment"


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, bool]:
    """Return a document with cibuildwheel's table in some form, and whether it holds comments that have to be kept."""
    values = draw(tables)
    document = tomlkit.document()
    foreign = tomlkit.table()
    foreign.add("x", "[tool.cibuildwheel]")
    form = draw(st.sampled_from(["headers", "inline", "dotted", "flat"]))
    if form == "inline":
        document["tool"] = tomlkit.item({"cibuildwheel": values, "x": 1}, _parent=tomlkit.array())
        text = tomlkit.dumps(document)
    elif form == "dotted":
        text = "[tool]\n" + "".join(f"cibuildwheel.{k} = {_inline(v)}\n" for k, v in values.items())
        text += "x = 1\n" if values else "cibuildwheel = {}\n"
    elif form == "flat":
        text = "[tool.cibuildwheel]\n" + "".join(f"{k} = {_inline(v)}  {COMMENT}\n" for k, v in values.items())
    else:
        document["tool"] = {"before": {"x": 1}, "cibuildwheel": values, "after": {"y": "[tool.cibuildwheel]"}}
        text = tomlkit.dumps(document)
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return text + draw(st.sampled_from(["", "\n", "# the end"])), form == "flat"


def _inline(value: TOMLValue) -> str:
    return tomlkit.item(value, _parent=tomlkit.array()).as_string()


def read(directory: Path, text: str) -> Settings | None:
    """Read a text as a project's file; None if it has mistakes."""
    (directory / "pyproject.toml").write_text(text, encoding="utf-8", newline="")
    try:
        return load(directory, environ={}, flags={})
    except ConfigError:
        return None


def meaning(value: object) -> object:
    """Return a value with its literal braces as they are passed on."""
    return fill(value, {}) if isinstance(value, str) else value


@given(document=documents())
def test_a_migrated_table_means_the_same(document: tuple[str, bool], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every option of every cell is what it was, the file is otherwise untouched, and our reader finds no mistake."""
    directory = tmp_path_factory.mktemp("project")
    text, has_comments = document
    before = read(directory, text)
    assume(before is not None)
    assert before is not None
    new = migrate(text).text
    after = read(directory, new)
    if after is None:
        # A list of architectures that has none for Linux is the one thing that our table cannot say.
        assert not before[CIBUILDWHEEL.in_file["archs"]]
        return
    seen: set[tuple[bool, ...]] = set()
    for cell in catalog.load().cells:
        for pattern in PATTERNS:
            assert Selector(patterns=after[pattern]).matches(cell) == Selector(patterns=before[pattern]).matches(cell)
        chosen = tuple(layer.select.matches(cell) for layer in (*before.overrides, *after.overrides) if layer.select)
        if chosen in seen:
            continue
        seen.add(chosen)
        now = after.for_cell(cell)
        was = before.for_cell(cell)
        for option, value in was.items():
            assert option in (*PATTERNS, ACCEPT) or meaning(now[option]) == meaning(value), (cell, option.name)
        # Commands that are added to others are judged one by one: that may accept too much, and never too little.
        assert now[ACCEPT] == UNREPAIRED or not delivers_as_built(was[REPAIR_WHEEL_COMMAND])
        assert now[ACCEPT] == () or "inherit" in text or delivers_as_built(was[REPAIR_WHEEL_COMMAND])
    old = loads(text)
    tool = loads(new)["tool"]
    assert isinstance(tool, dict)
    del tool[OWN.table]
    assert repr({**loads(new), "tool": tool}) == repr(old)
    cut = next(n for n in range(len(text), -1, -1) if new.startswith(text[:n]))
    assert new.endswith(text[cut:])
    assert not has_comments or new.count(COMMENT) >= text.count(COMMENT)
