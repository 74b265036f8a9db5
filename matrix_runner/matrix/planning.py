"""The plan: jobs to run, cells left out with their reasons, and the explanation of a single cell."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

import msgspec
from msgspec.structs import replace

from matrix_runner.catalog import Catalog
from matrix_runner.config.kinds.selectors import Selector
from matrix_runner.config.kinds.values import FreeThreading
from matrix_runner.config.loading.dialects import is_for_other_systems
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import BUILD_FRONTEND
from matrix_runner.config.options.selection_options import BUILD, TEST_SKIP
from matrix_runner.config.options.test_options import FREE_THREADING, TEST_COMMAND, TEST_ON
from matrix_runner.errors import ConfigError, NothingSelected, UsageError
from matrix_runner.matrix.host import Execution, Host
from matrix_runner.matrix.image_choice import ImageChoice
from matrix_runner.matrix.questions import Answer, Questions
from matrix_runner.matrix.remarks import constraint_notes, emulation_notes, frontend_remarks, remarks
from matrix_runner.matrix.rungs import Rung, rungs_of
from matrix_runner.matrix.unmet_requests import idle_patterns, unmet_requests
from matrix_runner.model.cells import Cell


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A cell to run. `directories`: possible names of its interpreter under `/opt/python`, likeliest first.

    `image` is None if the machine itself runs the cell. `settings`: the cell's own, overrides applied. `execution`: the
    way in which the machine runs programs of its architecture. `ladder`: all images that `test-on` names for it.
    """

    cell: Cell
    directories: tuple[str, ...]
    image: ImageChoice | None
    settings: Settings
    ladder: tuple[Rung, ...] = ()
    remark: str | None = None
    execution: Execution = Execution.NATIVE

    @property
    def is_emulated(self) -> bool:
        """Whether an emulator runs the cell, as far as can be seen from here."""
        return self.execution is Execution.EMULATED

    @property
    def is_slow(self) -> bool:
        """Whether what this program starts itself in the cell needs more time than on a native machine."""
        return self.execution is not Execution.NATIVE

    @property
    def has_tests(self) -> bool:
        """Whether the cell's wheel is installed and tested."""
        return bool(self.settings[TEST_COMMAND]) and self._may_test

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The images in which the cell's wheel is tested besides: none without a test."""
        return self.ladder if self.has_tests else ()

    @property
    def checks_gil(self) -> bool:
        """Whether the wheel's modules are imported to see whether they turn the GIL on."""
        is_wanted = self.settings[FREE_THREADING] is not FreeThreading.OFF
        return is_wanted and self.cell.interpreter.is_free_threaded and self._may_test

    @property
    def _may_test(self) -> bool:
        return not Selector(patterns=self.settings[TEST_SKIP]).matches(self.cell)


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A cell that will not run; `reason` names the option that decides it."""

    cell: Cell
    reason: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs and the left-out cells of a run.

    A sentence each: `warnings`: likely mistakes in the selection. `notes`: consequences of several settings together.
    `unmet`: a cell, an architecture or an image that is asked for by name and not in the plan.
    """

    jobs: tuple[Job, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unmet: tuple[str, ...] = ()

    def without_rungs(self) -> "Plan":
        """Return the plan of a run in which no wheel is tested."""
        return replace(self, jobs=tuple(replace(job, ladder=()) for job in self.jobs))

    def require_jobs(self, settings: Settings) -> None:
        """Raise NothingSelected, with the likeliest cells, if no cell is left to run; UsageError for `unmet` ones."""
        if self.jobs:
            if self.unmet:
                raise UsageError("\n".join(self.unmet), hint="leave it out, or `runner explain` one of its cells")
            return
        cells = tuple(left.cell for left in self.left_out)
        near = dict.fromkeys(name for pattern in settings[BUILD] for name in nearest_cells(pattern, cells))
        reasons = {str(left.cell): left.reason for left in self.left_out}
        lines = ["no cell is selected", *(f"  {name}: {reasons[name]}" for name in near)]
        raise NothingSelected(
            "\n".join(lines), hint="`runner plan` lists every cell that is left out, and the option that decides it"
        )


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a cell is in the matrix or not: one answer per question. `settings`: the cell's own.

    `remarks`: sentences on choices that follow from them.
    """

    cell: Cell
    answers: tuple[Answer, ...]
    settings: Settings
    image: ImageChoice | None
    remarks: tuple[str, ...] = ()

    @property
    def is_in(self) -> bool:
        """Whether the cell would be built."""
        return all(answer.is_in for answer in self.answers)


def make_plan(settings: Settings, catalog: Catalog, host: Host) -> Plan:
    """Decide every cell of the catalog. Pure; a few milliseconds for all of them.

    Raise ConfigError for a cell whose frontend is not for Linux.
    """
    questions = Questions(settings, catalog, host)
    jobs: list[Job] = []
    left_out: list[LeftOut] = []
    decided: list[tuple[Cell, Answer]] = []
    cell_settings = _CellSettings(settings, host)
    for cell in (each.of_package(settings.package) for each in catalog.cells):
        own = cell_settings(cell)
        answers = tuple(_until_decided(questions.ask(cell, own)))
        decided.append((cell, answers[-1]))
        if not answers[-1].is_in:
            left_out.append(LeftOut(cell=cell, reason=answers[-1].reason))
            continue
        if own[BUILD_FRONTEND].for_pyodide:
            what = f'{own.origin(BUILD_FRONTEND)}: build-frontend = "pyodide-build" cannot build {cell}, a Linux wheel'
            raise ConfigError((what,), hint="give it in an override for Pyodide: select = '*pyodide*'")
        jobs.append(
            Job(
                cell=cell,
                directories=catalog.known(cell.interpreter).directories,
                image=answers[-1].image,
                settings=own,
                ladder=rungs_of(own, cell.platform.arch, answers[-1].image, catalog),
                remark=catalog.remark(cell),
                execution=host.execution(cell.platform.arch),
            )
        )
    foreseen = remarks([(job.cell, job.image) for job in jobs], host)
    doubts = (*questions.doubts(), *idle_patterns(settings, decided))
    warnings = (*doubts, *foreseen, *frontend_remarks(job.settings for job in jobs))
    unmet = tuple(unmet_requests(settings, host, decided))
    emulation = emulation_notes([job.cell for job in jobs], host)
    notes = (*constraint_notes(job.settings for job in jobs), *emulation, *ladder_notes(jobs))
    return Plan(jobs=tuple(jobs), left_out=tuple(left_out), warnings=warnings, notes=notes, unmet=unmet)


def explain(identifier: str, settings: Settings, catalog: Catalog, host: Host) -> Explanation:
    """Explain why one cell is in the matrix or not. Raise UsageError for an identifier that the catalog lacks."""
    cells = tuple(each.of_package(settings.package) for each in catalog.cells)
    cell = next((cell for cell in cells if str(cell) == identifier), None)
    if cell is None and is_for_other_systems(identifier):
        raise UsageError(f"{identifier} is no Linux cell: this tool builds Linux wheels only")
    if cell is None:
        near = nearest_cells(identifier, cells)
        hint = f"nearest: {', '.join(near)}" if near else "`runner plan` lists the cells there are"
        raise UsageError(f"no known cell is called {identifier}", hint=hint)
    own = _CellSettings(settings, host)(cell)
    answers = tuple(Questions(settings, catalog, host).ask(cell, own))
    found = tuple(frontend_remarks((own,)))
    return Explanation(cell=cell, answers=answers, settings=own, image=answers[-1].image, remarks=found)


def ladder_notes(jobs: Sequence[Job]) -> Iterator[str]:
    """Yield a sentence if `test-on` is set in vain: without a container, without a test."""
    asking = [job for job in jobs if job.settings[TEST_ON]]
    if any(job.image is None for job in asking):
        yield f"{TEST_ON.name} has no effect: this machine itself is the engine, and there is no container"
    elif asking and not any(job.has_tests for job in asking):
        yield f"{TEST_ON.name} has no effect without {TEST_COMMAND.name}"


class _CellSettings:
    """The settings of cells: with the overrides that select a cell, and the defaults for the way in which it runs."""

    def __init__(self, settings: Settings, host: Host) -> None:
        self._settings = settings
        self._host = host
        # Cells without overrides share their settings, so that what follows from these is found once.
        self._emulated = settings.under_emulation()

    def __call__(self, cell: Cell) -> Settings:
        own = self._settings.for_cell(cell)
        if not self._host.emulates(cell.platform.arch):
            return own
        return self._emulated if own is self._settings else own.under_emulation()


def nearest_cells(pattern: str, cells: tuple[Cell, ...]) -> tuple[str, ...]:
    """Return up to three cells that a pattern without a match may stand for, nearest first."""
    names = [str(cell) for cell in cells]
    # A pattern without a platform, or with only its beginning, is nearer than any similarity of letters.
    near = [name for name in names if name.startswith(pattern)][:3] or get_close_matches(
        pattern, names, n=3, cutoff=0.6
    )
    if near:
        return tuple(near)
    # A pattern such as `cp99-*` has too little in common with whole identifiers: compare its interpreter only.
    interpreters = list(dict.fromkeys(str(cell.interpreter) for cell in cells))
    close = get_close_matches(pattern.partition("-")[0], interpreters, n=3, cutoff=0.5)
    return tuple(next(name for name in names if name.startswith(f"{one}-")) for one in close)


def _until_decided(answers: Iterator[Answer]) -> Iterator[Answer]:
    """Yield the answers up to the first that excludes the cell."""
    for answer in answers:
        yield answer
        if not answer.is_in:
            return
