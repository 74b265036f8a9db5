"""A statement of provenance (in-toto Statement v1, SLSA Provenance v1) as a value; reading and writing. Pure.

Sources: in-toto Attestation Framework, `spec/v1/statement.md` and `resource_descriptor.md`; SLSA v1, "Provenance". One
subject with one digest, its name that of the file, as PEP 740 has it.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from matrix_runner.json_values import NotJson, decode, is_deeper

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://slsa.dev/provenance/v1"
BUILD_TYPE: Final = "pkg:pypi/matrix-runner#build-types/cell/v1"
"""What the parameters mean: docs/reference/report.md. Another meaning takes another number."""
BUILDER_ID: Final = "pkg:pypi/matrix-runner"

CELL: Final = "cell"
"""The external parameter that names the cell."""
COMMIT: Final = "gitCommit"
"""The digest by which a source is a commit (in-toto, `digest_set.md`)."""

_DEEPEST: Final = 50
"""Lists and objects in one another; ours have eight, and whoever masks or writes a value goes down in it by calls."""

Values = Mapping[str, object]
"""Values of JSON by name."""


class NoStatement(Exception):
    """A document is no statement of provenance. Its argument says why."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The file that a statement is of. `digest`: by algorithm, in hexadecimal."""

    name: str
    digest: Mapping[str, str]


class Resource(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A resource descriptor: something that a build used. Without `digest` its content is unknown."""

    name: str = ""
    uri: str = ""
    digest: Mapping[str, str] = msgspec.field(default_factory=dict)
    media_type: str = ""
    annotations: Values = msgspec.field(default_factory=dict)


class BuildDefinition(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was built from, and how. External parameters are the user's and the project's, internal the machine's."""

    build_type: str
    external_parameters: Values
    internal_parameters: Values = msgspec.field(default_factory=dict)
    resolved_dependencies: tuple[Resource, ...] = ()


class Builder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who built. `version`: of its parts."""

    id: str
    version: Mapping[str, str] = msgspec.field(default_factory=dict)


class Metadata(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Of this one build; times in RFC 3339, UTC."""

    invocation_id: str = ""
    started_on: str = ""
    finished_on: str = ""


class RunDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Who built, and when."""

    builder: Builder
    metadata: Metadata = Metadata()


class Predicate(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The predicate of SLSA Provenance v1."""

    build_definition: BuildDefinition
    run_details: RunDetails


class Statement(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A statement of provenance."""

    type: str = msgspec.field(name="_type", default=STATEMENT_TYPE)
    subject: tuple[Subject, ...]
    predicate_type: str = PREDICATE_TYPE
    predicate: Predicate

    @property
    def cell(self) -> str | None:
        """The identifier of the cell that it names, or None."""
        found = self.predicate.build_definition.external_parameters.get(CELL)
        return found if isinstance(found, str) else None

    @property
    def source(self) -> Resource | None:
        """The source that it names first, or None."""
        return next((one for one in self.predicate.build_definition.resolved_dependencies if one.name == SOURCE), None)

    def masked(self, mask: Callable[[str], str]) -> "Statement":
        """Return the statement with each text masked that somebody else than this program has written."""
        definition = self.predicate.build_definition
        plain: object = msgspec.to_builtins(definition)
        masked = msgspec.convert(_mapped(plain, mask), BuildDefinition)
        masked = replace(masked, build_type=definition.build_type)
        return replace(self, predicate=replace(self.predicate, build_definition=masked))


SOURCE: Final = "source"
"""The name of the resource that is the project's files."""


def write_statement(statement: Statement) -> bytes:
    """Return the statement as JSON: UTF-8, indented, keys in a fixed order, one final newline."""
    return msgspec.json.format(msgspec.json.encode(statement), indent=2) + b"\n"


def read_statement(data: bytes) -> Statement:
    """Parse a statement. Raise NoStatement for anything else, and for other types of statement or predicate."""
    try:
        statement = decode(data, Statement)
    except NotJson as error:
        raise NoStatement(f"it is no statement of SLSA provenance: {error}") from error
    if is_deeper(msgspec.to_builtins(statement), _DEEPEST):
        raise NoStatement(f"more than {_DEEPEST} of its lists and objects are in one another")
    if statement.type != STATEMENT_TYPE:
        raise NoStatement(f"it is of type {statement.type}, not {STATEMENT_TYPE}")
    if statement.predicate_type != PREDICATE_TYPE:
        raise NoStatement(f"its predicate is {statement.predicate_type}, not {PREDICATE_TYPE}")
    return statement


def _mapped(value: object, mask: Callable[[str], str]) -> object:
    match value:
        case str():
            return mask(value)
        case dict():
            return {name: _mapped(entry, mask) for name, entry in value.items()}
        case list() | tuple():
            return [_mapped(entry, mask) for entry in value]
        case _:
            return value
