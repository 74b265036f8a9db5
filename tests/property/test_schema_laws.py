"""The schema and the reader agree: the schema refuses nothing that the reader takes."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from toml_values import values, words

from matrix_runner.config.kinds.shapes import Shape
from matrix_runner.config.loading.diagnostics import Diagnostics, Document
from matrix_runner.config.loading.dialects import OWN
from matrix_runner.config.loading.file_layers import file_layers
from matrix_runner.config.mistakes import InvalidValue
from matrix_runner.config.options import OPTIONS
from matrix_runner.config.options.option import Option
from matrix_runner.config.reference.json_schema import get_schema
from matrix_runner.toml import TOMLValue

IN_FILE = tuple(option for option in OPTIONS if not option.is_flag_only)
WHOLE = Draft7Validator(get_schema())
PRECISE = tuple(
    option
    for option in IN_FILE
    if option.kind.shape.get("type") in {"boolean", "integer"} or option.name.endswith("-image")
)
"""Options of which the schema says all there is to say."""

texts = words | st.sampled_from(
    ("X86_64", " auto ", "PyPy, eol", "pip; args: -v", "512 MiB", "1H 30m", "default", "A=1 B=2")
)


def made_by(shape: Shape) -> st.SearchStrategy[TOMLValue]:
    """Return values of a shape, and some that are nearly so."""
    match shape:
        case {"enum": Sequence() as members} | {"type": _, "anyOf": [{"enum": Sequence() as members}, *_]}:
            return st.sampled_from(members) | texts
        case {"anyOf": Sequence() as choices}:
            return st.one_of(*(made_by(one) for one in choices))
        case {"type": "array", "items": Mapping() as item}:
            return st.lists(made_by(item), max_size=3)
        case {"type": "object", "properties": Mapping() as entries}:
            return st.fixed_dictionaries({}, optional={key: made_by(one) for key, one in entries.items()})
        case {"type": "object", "propertyNames": {"pattern": str() as key}, "additionalProperties": Mapping() as entry}:
            return st.dictionaries(st.from_regex(key) | words, made_by(entry), max_size=3)
        case _:
            return scalar(shape)


def scalar(shape: Shape) -> st.SearchStrategy[TOMLValue]:
    """Do the same for strings, numbers and switches."""
    match shape:
        case {"type": "string", "pattern": str() as pattern}:
            return st.from_regex(pattern) | texts
        case {"type": "integer", "minimum": int() as low, "maximum": int() as high}:
            return st.integers(low, high) | st.integers(low - 2, high + 2)
        case {"type": "string" | "boolean" | ["string", "integer", "boolean"]}:
            return texts | st.integers() | st.booleans()
        case _:
            raise TypeError(shape)


NEAR: Mapping[str, st.SearchStrategy[TOMLValue]] = {option.name: made_by(option.kind.shape) for option in IN_FILE}


def reads(option: Option[object], value: object) -> bool:
    """Whether the reader takes the value."""
    try:
        option.kind.read(value)
    except InvalidValue:
        return False
    return True


@pytest.mark.parametrize("option", IN_FILE, ids=str)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_the_schema_refuses_the_reader_refuses(option: Option[object], data: st.DataObject) -> None:
    """Whatever an editor marks as wrong would stop a run."""
    value = data.draw(NEAR[option.name] | values)
    if reads(option, value):
        assert Draft7Validator(option.kind.shape).is_valid(value)


@pytest.mark.parametrize("option", PRECISE, ids=str)
@settings(max_examples=60)
@given(data=st.data())
def test_a_precise_schema_and_the_reader_agree(option: Option[object], data: st.DataObject) -> None:
    """Where a schema can say it all, what an editor lets pass is read.

    But for floats, which JSON takes for integers, and for text that is not all printable, which schemas cannot say.
    """
    value = data.draw(NEAR[option.name] | values)
    if not isinstance(value, float) and str(value).isprintable():
        assert Draft7Validator(option.kind.shape).is_valid(value) == reads(option, value)


ENTRIES: st.SearchStrategy[dict[str, TOMLValue]] = st.fixed_dictionaries(
    {}, optional={name: NEAR[name] for name in ("before-all", "archs", "jobs", "environment")}
)
RULES = st.dictionaries(
    st.sampled_from(("before-all", "archs", "jobs", "job")), st.sampled_from(("none", "append", "prepend", "x"))
) | st.sampled_from(("before-all", "jobs: append"))
PARTS = st.builds(
    lambda entries, rules: {**entries, **({} if rules is None else {"inherit": rules})}, ENTRIES, st.none() | RULES
)


@given(
    table=PARTS,
    linux=PARTS,
    overrides=st.lists(
        st.builds(
            lambda part, select: {**part, "select": select},
            PARTS,
            st.sampled_from(("*", "pp* cp39-*", "", ["*"], [], 1)),
        ),
        max_size=2,
    ),
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@example(table={}, linux={}, overrides=[{"select": "*", "jobs": 1}])
def test_layers_of_a_file(
    table: dict[str, TOMLValue],
    linux: dict[str, TOMLValue],
    overrides: list[dict[str, TOMLValue]],
) -> None:
    """The same of a whole table, with its part for Linux, its overrides and its inherit rules."""
    whole: dict[str, TOMLValue] = {**table, "linux": linux, "overrides": [*overrides]}
    reading = Diagnostics()
    tuple(file_layers(Document(label="f", content={"tool": {OWN.table: whole}}, lines={}), OWN, reading))
    assert reading.mistakes or WHOLE.is_valid(whole)
