"""The document of `runner matrix --format json`: the shards, and what is expected of them all. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
from packaging.version import InvalidVersion, Version

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.loading.toml_file import Unreadable
from matrix_runner.config.options.build_options import ACCEPT
from matrix_runner.config.options.output_options import MAX_WHEEL_SIZE
from matrix_runner.errors import UsageError
from matrix_runner.json_values import decode, later_version
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.checks import Check
from matrix_runner.shards.shard_plan import Shard
from matrix_runner.toml import table_of
from matrix_runner.workspace.asked_packages import static_version

VERSION = 1


class ExpectedCell(msgspec.Struct, frozen=True, kw_only=True):
    """A cell of the plan. `max_wheel_size`: in bytes, 0 for none."""

    identifier: str
    max_wheel_size: int = 0


class ExpectedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package of a workspace, by the name that its cells have. `project`: as `expected_project` has it.

    `project_version`: as `expected_version` has it. `sdist`: whether one is made of it.
    """

    name: str
    project: str
    sdist: bool
    project_version: str = ""


class ShardEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A shard. `name`: plain, and one shard's only; `number` of `count`: among those of its kind of machine."""

    name: str
    number: int
    count: int
    machine: str
    emulators: tuple[str, ...]
    cells: tuple[str, ...]
    seconds: float


class MatrixDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The document, version 1. `sdist`: whether one is made, too. `cells` are in plan order.

    `project_version`: of the wheels, as `expected_version` has it. `packages`: those of a workspace, of which each has
    its own name, version and sdist.
    """

    version: int
    project: str
    project_version: str = ""
    sdist: bool
    cells: tuple[ExpectedCell, ...]
    shards: tuple[ShardEntry, ...] = ()
    packages: tuple[ExpectedPackage, ...] | msgspec.UnsetType = msgspec.UNSET

    @property
    def expected_packages(self) -> tuple[ExpectedPackage, ...]:
        """The packages of a workspace, nothing for a single one."""
        return () if isinstance(self.packages, msgspec.UnsetType) else self.packages

    @property
    def expected_versions(self) -> tuple[str, ...]:
        """The versions that wheels must have, of one package or several, as they are written."""
        every = (self.project_version, *(package.project_version for package in self.expected_packages))
        return tuple(version for version in every if version)


def shard_name(shard: Shard) -> str:
    """Return the name of a shard: of its kind of machine, and its number; a plain file name."""
    return f"{re.sub('[^A-Za-z0-9._-]+', '-', shard.machine).strip('-.')}-{shard.number}"


def expected_cells(jobs: Iterable[Job]) -> tuple[ExpectedCell, ...]:
    """Return what is expected of a plan's jobs."""
    return tuple(ExpectedCell(identifier=str(job.cell), max_wheel_size=job.settings[MAX_WHEEL_SIZE]) for job in jobs)


def expected_project(settings: Settings) -> str:
    """Return the name that wheels must have; "" if the project has none, or means that they have another."""
    is_renamed = any(entry.covers(Check.RENAMED, None) for entry in settings[ACCEPT])
    return "" if is_renamed else settings.project_name or ""


def expected_version(settings: Settings, files: BuildFiles) -> str:
    """Return the version that wheels must have; "" if the project does not say it, or means that they have another."""
    if any(entry.covers(Check.OTHER_VERSION, None) for entry in settings[ACCEPT]):
        return ""
    try:
        found = files.pyproject()
        version = None if found is None else static_version(table_of(found.content.get("project")))
        return "" if version is None else str(Version(version))
    except (Unreadable, InvalidVersion):
        return ""


def matrix_document(  # noqa: PLR0913  each is a part of the document
    jobs: Sequence[Job],
    shards: Iterable[Shard],
    *,
    project: str,
    project_version: str,
    has_sdist: bool,
    packages: tuple[ExpectedPackage, ...] = (),
) -> bytes:
    """Return the document as JSON. `packages`: those of a workspace.

    `project`, `project_version`: as `expected_project` and `expected_version` have them.
    """
    document = MatrixDocument(
        version=VERSION,
        project=project,
        project_version=project_version,
        sdist=has_sdist,
        cells=expected_cells(jobs),
        shards=tuple(
            ShardEntry(
                name=shard_name(shard),
                number=shard.number,
                count=shard.count,
                machine=shard.machine,
                emulators=shard.emulators,
                cells=tuple(map(str, shard.cells)),
                seconds=shard.seconds,
            )
            for shard in shards
        ),
        packages=packages or msgspec.UNSET,
    )
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def read_document(data: bytes, name: str) -> MatrixDocument:
    """Parse a document, which may be anybody's. `name`: of its file. Raise UsageError."""
    hint = "`runner matrix --format json` writes one."
    later = later_version(data, VERSION)
    try:
        document = None if later is not None else decode(data, MatrixDocument)
        cells = () if document is None else tuple(Cell.parse(cell.identifier) for cell in document.cells)
        for version in () if document is None else document.expected_versions:
            Version(version)
    except ValueError as error:  # NotJson, and those of identifiers and versions
        raise UsageError(f"{name} is no document of `runner matrix`: {error}", hint=hint) from error
    if document is None or document.version != VERSION:
        raise UsageError(
            f"{name} is of version {later if document is None else document.version}; this program reads version"
            f" {VERSION}",
            hint="Use the release of matrix-runner that wrote it, or a later one.",
        )
    if not cells:
        raise UsageError(f"{name} expects no cell", hint=hint)
    problem = _contradiction(cells, document.expected_packages)
    if problem is not None:
        raise UsageError(f"{name} contradicts itself: {problem}", hint=f"Was it changed by hand? {hint}")
    return document


def _contradiction(cells: Sequence[Cell], packages: Sequence[ExpectedPackage]) -> str | None:
    """Return what would make less expected than the document says, if anything does."""
    for names, what in (([str(cell) for cell in cells], "cell"), ([each.name for each in packages], "package")):
        (name, count), *_ = Counter(names).most_common(1) or [("", 0)]
        if count > 1:
            return f"it has the {what} {name} {count} times"
    known = {package.name for package in packages}
    stray = next((cell for cell in cells if packages and cell.package not in known), None)
    return None if stray is None else f"the cell {stray} is of no package in it"
