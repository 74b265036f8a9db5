"""The JSON Schema of `[tool.matrix-runner]` (schema.json), generated from the options table for editors.

`make reference` rewrites schema.json. Draft 7, because validate-pyproject and TOML language servers read that.
"""

import json
import sys

from matrix_runner.config.kinds import grammars, shapes
from matrix_runner.config.kinds.shapes import Shape
from matrix_runner.config.loading.dialects import LINUX, OWN
from matrix_runner.config.loading.file_layers import INHERIT, OVERRIDES, SELECT
from matrix_runner.config.loading.layers import Inherit
from matrix_runner.config.options.option import Option
from matrix_runner.toml import loads

DRAFT = "http://json-schema.org/draft-07/schema#"
IDENTITY = "https://matrix-runner.invalid/options.json"
"""A name, not an address (RFC 2606): nothing is fetched. Validators join it with references, so a URN does not work."""

PYPROJECT = "https://json.schemastore.org/pyproject.json"

_OPTIONS = tuple(OWN.in_file.values())


def get_schema(tool: str = OWN.table) -> dict[str, object]:
    """Return the schema of the table; `tool` is its name, as passed by validate-pyproject to entry points."""
    options = {option.name: _reference(option.name) for option in _OPTIONS}
    inherit = {INHERIT: _reference(INHERIT)}
    return {
        "$schema": DRAFT,
        "$id": IDENTITY,
        "title": tool,
        "description": "Which wheels matrix-runner builds, and how.",
        **shapes.table(
            {
                **options,
                **inherit,
                LINUX: {
                    "description": "Options as above it, which win. Other systems' tables are not for this tool.",
                    **shapes.table({**options, **inherit}),
                },
                OVERRIDES: {
                    "description": "Options for some cells only. Of several that select a cell, the last one wins.",
                    **shapes.listing(_override()),
                },
            }
        ),
        "definitions": {INHERIT: _inherit(_OPTIONS), **{option.name: _definition(option) for option in _OPTIONS}},
    }


def whole_file() -> dict[str, object]:
    """Return a schema of a whole pyproject.toml: the public one used by editors, plus ours for our table."""
    table = {key: one for key, one in get_schema().items() if key not in {"$schema", "$id", "definitions"}}
    tool = {"type": "object", "properties": {OWN.table: table}}
    return {
        "$schema": DRAFT,
        "allOf": [{"$ref": PYPROJECT}, {"properties": {"tool": tool}}],
        "definitions": get_schema()["definitions"],
    }


def as_text(schema: dict[str, object]) -> str:
    """Return a schema as file content."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _reference(name: str) -> Shape:
    return {"$ref": f"#/definitions/{name}"}


def _override() -> Shape:
    select = {
        "description": "The cells it is for: patterns over identifiers, such as *-musllinux_*.",
        **grammars.patterns().shape,
        "not": {"enum": ["", []]},
    }
    per_cell = tuple(option for option in _OPTIONS if option.per_cell)
    options = {option.name: _reference(option.name) for option in per_cell}
    return shapes.table({SELECT: select, INHERIT: _inherit(per_cell), **options}, required=[SELECT])


def _inherit(options: tuple[Option[object], ...]) -> Shape:
    words = {
        option.name: {"enum": [str(rule) for rule in Inherit if rule is Inherit.NONE or option.kind.join is not None]}
        for option in options
    }
    return {
        "description": "Which options add to the value from below, and do not replace it: none, append or prepend.",
        **shapes.either(shapes.table(words), shapes.TEXT),
    }


def _definition(option: Option[object]) -> Shape:
    default = _value(option, f"{option.name} = {option.kind.write(option.default)}")
    return {
        "description": "\n\n".join(filter(None, (option.help, option.details.strip()))),
        **({} if default in ("", []) else {"default": default}),
        "examples": [_value(option, option.example)],
        **option.kind.shape,
    }


def _value(option: Option[object], toml: str) -> object:
    return loads(toml)[option.name]


if __name__ == "__main__":
    sys.stdout.write(as_text(get_schema()))
