"""The plan: jobs to run, and cells left out, each with its reason."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from matrix_runner.catalog import Catalog, KnownInterpreter
from matrix_runner.config import ARCHS, BUILD, ENABLE, SKIP, EnableGroup, Settings
from matrix_runner.config.selectors import Selector
from matrix_runner.errors import NothingSelected
from matrix_runner.matrix.archs import expand_archs
from matrix_runner.matrix.host import Host
from matrix_runner.matrix.images import ImageChoice, NoImage, image_of
from matrix_runner.matrix.remarks import remarks
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Platform


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A cell to run. `directories`: names its interpreter may have under `/opt/python`, likeliest first.

    `image` is None where the machine itself is the place.
    """

    cell: Cell
    directories: tuple[str, ...]
    image: ImageChoice | None
    settings: Settings
    remark: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """A cell that will not run, and why, in words that name the option to change."""

    cell: Cell
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a run would do. `warnings`: what is most likely a mistake in the selection, a sentence each."""

    jobs: tuple[Job, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...] = ()

    def require_jobs(self, settings: Settings) -> None:
        """Raise NothingSelected, naming the likeliest cells, if no cell is left to run."""
        if self.jobs:
            return
        cells = [str(left.cell) for left in self.left_out]
        near = [c for pattern in settings[BUILD] for c in get_close_matches(pattern, cells, n=3, cutoff=0.5)]
        reasons = dict.fromkeys(left.reason for left in self.left_out if str(left.cell) in near)
        lines = [f"no cell is selected ({'; '.join(reasons)})" if reasons else "no cell is selected"]
        if near:
            lines.append("nearest: " + ", ".join(dict.fromkeys(near)))
        raise NothingSelected(
            "\n".join(lines), hint="`runner plan` lists every cell that is left out, and the option that decides it"
        )


def make_plan(settings: Settings, catalog: Catalog, host: Host) -> Plan:
    """Decide every cell of the catalog. Pure and quick: all of them take a few milliseconds."""
    rules = _Rules(settings, catalog, host)
    jobs: list[Job] = []
    left_out: list[LeftOut] = []
    for cell in catalog.cells:
        known = catalog.known(cell.interpreter)
        match rules.decide(cell, known):
            case str() as reason:
                left_out.append(LeftOut(cell=cell, reason=reason))
            case image:
                jobs.append(
                    Job(
                        cell=cell,
                        directories=known.directories,
                        image=image,
                        settings=settings,
                        remark=catalog.remark(cell),
                    )
                )
    warnings = (*rules.warnings(), *remarks([(job.cell, job.image) for job in jobs], host))
    return Plan(jobs=tuple(jobs), left_out=tuple(left_out), warnings=warnings)


class _Rules:
    """The questions a cell must answer, in the order a person would ask them."""

    def __init__(self, settings: Settings, catalog: Catalog, host: Host) -> None:
        self._settings = settings
        self._catalog = catalog
        self._host = host
        self._archs = expand_archs(settings[ARCHS], host.machine)
        self._enabled = {group.value for group in settings[ENABLE]}
        self._build = Selector(patterns=settings[BUILD])
        self._skip = Selector(patterns=settings[SKIP])
        self._python = None if settings.requires_python is None else SpecifierSet(settings.requires_python)

    def decide(self, cell: Cell, known: KnownInterpreter) -> ImageChoice | str | None:
        """Return the cell's image (None: the machine itself), or the reason why it is left out."""
        settings = self._settings
        if cell.platform.arch not in self._archs:
            return f"archs = {_words(settings[ARCHS])} ({settings.origin(ARCHS)}) does not include it"
        if not self._build.matches(cell):
            return f"build = {' '.join(settings[BUILD])} ({settings.origin(BUILD)}) does not match it"
        if self._skip.matches(cell):
            return f"skip = {' '.join(settings[SKIP])} ({settings.origin(SKIP)}) matches it"
        if known.group and not {known.group, EnableGroup.ALL.value} & self._enabled:
            return f"it needs enable = {known.group}"
        if not self._is_supported(cell):
            return f"requires-python = {settings.requires_python} excludes it"
        return self._place(cell, known)

    def _is_supported(self, cell: Cell) -> bool:
        """Whether any patch release of the cell's version satisfies requires-python (X.Y.99, as the field does)."""
        if self._python is None:
            return True
        major, minor = cell.interpreter.version
        return self._python.contains(Version(f"{major}.{minor}.99"))

    def _place(self, cell: Cell, known: KnownInterpreter) -> ImageChoice | str | None:
        host = self._host
        if host.local is not None:
            if cell.platform != Platform(libc=host.libc, arch=host.machine):
                return f"engine = local: this machine runs {host.libc}_{host.machine} only"
            if not host.local.intersection(known.directories):
                return f"engine = local: no {cell.interpreter} on this machine"
            return None
        choice = image_of(cell, self._settings, self._catalog)
        return choice.reason if isinstance(choice, NoImage) else choice

    def warnings(self) -> Iterator[str]:
        """Say which patterns match no cell that the catalog knows."""
        identifiers = [str(cell) for cell in self._catalog.cells]
        for option, selector in ((BUILD, self._build), (SKIP, self._skip)):
            for pattern in selector.unmatched(self._catalog.cells):
                near = get_close_matches(pattern, identifiers, n=1)
                guess = f"; did you mean {near[0]}?" if near else ""
                yield (
                    f"{option.name}: the pattern {pattern} ({self._settings.origin(option)})"
                    f" matches no known identifier{guess}"
                )


def _words(values: Iterable[object]) -> str:
    return " ".join(map(str, values))
