"""The schema of the table says what the table of options says, to the tools that read such schemas."""

import json
import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from bad_layers import IN_LAYERS
from bad_tables import IN_TABLE
from click.testing import CliRunner
from good_values import SPELLINGS
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7
from validate_pyproject.api import Validator
from validate_pyproject.errors import ValidationError
from validate_pyproject.plugins import load_from_entry_point

from matrix_runner.cli import cli
from matrix_runner.config.options import OPTIONS
from matrix_runner.config.options.option import Option
from matrix_runner.config.reference import json_schema
from matrix_runner.toml import loads

ROOT = Path(__file__).parents[3]
PYPROJECT = loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
IN_FILE = tuple(option for option in OPTIONS if not option.is_flag_only)
VALIDATOR = Draft7Validator(json_schema.get_schema())

KNOWABLE = 72
KNOWABLE_IN_LAYERS = 58
"""So many of the mistakes a schema can know of; the others lie in the grammar of a string, or are beyond one option."""


def at(content: object, *keys: str) -> object:
    """Return what a path of keys leads to."""
    for key in keys:
        assert isinstance(content, Mapping)
        content = content[key]
    return content


def table_of(toml: str) -> object:
    """Return what stands in `[tool.matrix-runner]`."""
    return at(loads(f"[tool.matrix-runner]\n{toml}\n"), "tool", "matrix-runner")


def refused(toml: str) -> bool:
    """Whether the schema finds something wrong in a table."""
    return not VALIDATOR.is_valid(table_of(toml))


def test_file_is_up_to_date() -> None:
    """The file is what the table gives; if not: `make reference`."""
    file = ROOT / "matrix_runner" / "config" / "reference" / "schema.json"
    assert file.read_text(encoding="utf-8") == json_schema.as_text(json_schema.get_schema())


def test_it_is_a_schema() -> None:
    """Both forms are schemas of draft 7, in which the references lead somewhere."""
    for one in (json_schema.get_schema(), json_schema.whole_file()):
        Draft7Validator.check_schema(one)
        local = set(re.findall(r'"#/definitions/([^"]*)"', json.dumps(one)))
        definitions = at(one, "definitions")
        assert isinstance(definitions, Mapping)
        assert local == definitions.keys()


@pytest.mark.parametrize("option", IN_FILE, ids=str)
def test_example_and_default_are_valid(option: Option[object]) -> None:
    """Each option's example and its default, written out, are what the schema wants."""
    assert not refused(option.example)
    assert not refused(f"{option.name} = {option.kind.write(option.default)}")


@pytest.mark.parametrize("option", IN_FILE, ids=str)
def test_each_option_is_described(option: Option[object]) -> None:
    """An editor shows an option's help, and knows of a wrong value anywhere the option may stand."""
    assert str(at(json_schema.get_schema(), "definitions", option.name, "description")).startswith(option.help)
    assert refused(f"{option.name} = 1979-05-27")
    assert refused(f"linux.{option.name} = 1979-05-27")
    assert refused(f"[[tool.matrix-runner.overrides]]\nselect = '*'\n{option.name} = 1979-05-27")
    at_all = not refused(f"[[tool.matrix-runner.overrides]]\nselect = '*'\n{option.example}")
    assert at_all == option.per_cell


def test_flag_only_options_are_not_in_it() -> None:
    """What a file must not decide is not offered for it."""
    assert refused("allow-host-commands = true")


@pytest.mark.parametrize(("option", "toml", "_value"), SPELLINGS, ids=[f"{o} = {t}" for o, t, _ in SPELLINGS])
def test_every_spelling_is_valid(option: Option[object], toml: str, _value: object) -> None:
    """No editor marks as wrong what the reader understands."""
    assert not refused(f"{option.name} = {toml}")


@pytest.mark.parametrize(
    "toml",
    [
        "[[tool.matrix-runner.overrides]]\nselect = ['*-musllinux_*', 'pp*']\ninherit = {before-all = 'append'}",
        "[[tool.matrix-runner.overrides]]\nselect = '*'\ninherit.test-requires = 'prepend'\ntest-requires = 'x'",
        "inherit = {jobs = 'none', enable = 'append'}",
        "inherit = 'before-all; test-requires: prepend'",
        "[tool.matrix-runner.linux]\njobs = 2\ninherit.before-all = 'append'",
    ],
)
def test_layers_of_a_file_are_valid(toml: str) -> None:
    """The part for Linux, overrides and inherit rules are known."""
    assert not refused(toml)


@pytest.mark.parametrize(
    "toml",
    [
        "[[tool.matrix-runner.overrides]]\nbefore-all = 'x'",
        "[[tool.matrix-runner.overrides]]\nselect = ''",
        "[[tool.matrix-runner.overrides]]\nselect = []",
        "[[tool.matrix-runner.overrides]]\nselect = '*'\nbefor-all = 'x'",
        "overrides = {}",
        "linux = 'x'",
        "linux.overrides = []",
        "inherit.before-all = 'add'",
        "inherit.jobs = 'append'",
        "inherit.job = 'none'",
        "[[tool.matrix-runner.overrides]]\nselect = '*'\ninherit.jobs = 'none'",
        "macos.archs = 'auto'",
    ],
)
def test_bad_layers_are_refused(toml: str) -> None:
    """An override without cells, a rule that there is not, an option that cannot be added to: all are marked."""
    assert refused(toml)


def test_most_mistakes_are_known() -> None:
    """Of the mistakes that the reader is tried with, an editor marks at least two in three."""
    # The validator cannot print an integer of thousands of digits.
    known = [body for body, _, _ in IN_TABLE if len(body) < 1000 and refused(body)]
    assert len(known) >= KNOWABLE >= len(IN_TABLE) * 2 / 3


def test_most_mistakes_in_layers_are_known() -> None:
    """So it is with mistakes in overrides, in the table for Linux and in rules of inherit."""
    tables = [at(loads(text), "tool", "matrix-runner") for text, _, _ in IN_LAYERS if len(text) < 1000]
    known = [table for table in tables if not VALIDATOR.is_valid(table)]
    assert len(known) >= KNOWABLE_IN_LAYERS >= len(tables) * 2 / 3


def test_validate_pyproject_finds_it() -> None:
    """The declared entry point gives validate-pyproject a schema by which it checks the table in its file."""
    group, name = "validate_pyproject.tool_schema", "matrix-runner"
    declared = str(at(PYPROJECT, "project", "entry-points", group, name))
    plugin = load_from_entry_point(EntryPoint(name=name, value=declared, group=group))
    validate = Validator(extra_plugins=[plugin])
    project = {"name": "thing", "version": "1"}
    assert validate({"project": project, "tool": {name: table_of('archs = ["auto"]')}})
    with pytest.raises(ValidationError, match="archs"):
        validate({"project": project, "tool": {name: table_of('archs = ["x86-64"]')}})


def test_whole_file_is_checked() -> None:
    """What editors get for a pyproject.toml knows our table in it, and leaves the rest to the schema it refers to."""
    elsewhere = DRAFT7.create_resource({"properties": {"project": {"required": ["name"]}}})
    validator = Draft7Validator(
        json_schema.whole_file(), registry=Registry().with_resource(json_schema.PYPROJECT, elsewhere)
    )
    assert validator.is_valid(loads("[project]\nname = 'x'\n[tool.other]\n[tool.matrix-runner]\njobs = 1"))
    assert not validator.is_valid(loads("[project]\n[tool.matrix-runner]\njobs = 1"))
    assert not validator.is_valid(loads("[tool.matrix-runner]\njobs = 'one'"))


@pytest.mark.parametrize(
    ("arguments", "printed"), [((), json_schema.whole_file()), (("--table",), json_schema.get_schema())]
)
def test_command_prints_it(arguments: tuple[str, ...], printed: Mapping[str, object]) -> None:
    """`runner schema` prints the schema for editors, or that of the table alone, and nothing else."""
    done = CliRunner().invoke(cli, ["schema", *arguments])
    assert done.exit_code == 0
    assert json.loads(done.output) == json.loads(json.dumps(printed))


def test_example_project_is_valid() -> None:
    """The table of the example project is valid; test_docs_examples sees to those of the documentation."""
    example = loads((ROOT / "example-project" / "pyproject.toml").read_text(encoding="utf-8"))
    assert VALIDATOR.is_valid(at(example, "tool", "matrix-runner"))
