"""The section of a cell in the page: its result, facts about its wheel, its failure, its log. Pure."""

from collections.abc import Iterable

import msgspec
from packaging.version import InvalidVersion, Version

from matrix_runner.catalog.distributions import Distribution, destinations
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, WheelRecord
from matrix_runner.policy import distributions_text
from matrix_runner.policy.c_libraries import NAMES
from matrix_runner.report.page.page_logs import StepLog
from matrix_runner.report.phrases import borrowed, cause, duration, is_failed, step_times
from matrix_runner.report.sanitize import clean_line, clean_lines
from matrix_runner.results.suites import counts_text
from matrix_runner.wheelhouse.report_directory import LOGS, TESTS
from matrix_runner.wording import size_text


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A fact about the run: a word, and its value."""

    name: str
    value: str


class CellView(msgspec.Struct, frozen=True, kw_only=True):
    """A cell's section. `tests`: the numbers of its own tests, "" if they are not known."""

    name: str
    status: str
    time: str
    seconds: float
    result: str
    size: str
    bytes: int
    facts: tuple[Fact, ...]
    steps: str
    failure: tuple[str, ...]
    excerpt: tuple[str, ...]
    tests: str
    tests_file: str
    log_file: str
    logs: tuple[StepLog, ...]


def failure_lines(outcome: Outcome) -> tuple[str, ...]:
    """Return a failure's step, reason, message and advice, as lines; none if there is no failure."""
    failure = outcome.failure
    if failure is None:
        return ()
    return (f"{cause(outcome)}: {clean_line(failure.message)}", *clean_lines(failure.hint or ""))


def excerpt_lines(outcome: Outcome) -> tuple[str, ...]:
    """Return the lines of the log that show a failure's cause."""
    return () if outcome.failure is None else clean_lines("\n".join(outcome.failure.excerpt))


def cell_view(outcome: Outcome, log: tuple[StepLog, ...], distributions: tuple[Distribution, ...]) -> CellView:
    """Return a cell's section."""
    wheel, message = outcome.wheel, failure_lines(outcome)
    name = str(outcome.cell)
    return CellView(
        name=name,
        status=str(outcome.status),
        time=duration(outcome.seconds),
        seconds=round(outcome.seconds, 1),
        result=clean_line(wheel.name) if wheel else message[0] if message else borrowed(outcome),
        size=size_text(wheel.size) if wheel else "",
        bytes=wheel.size if wheel else 0,
        facts=tuple(_cell_facts(outcome, distributions)),
        steps=step_times(outcome.steps),
        failure=message if is_failed(outcome) else (),
        excerpt=excerpt_lines(outcome),
        tests=counts_text(outcome.test_results) if outcome.test_results is not None else "",
        tests_file=f"{TESTS}/{name}.xml",
        log_file=f"{LOGS}/{name}.log" if log else "",
        logs=log,
    )


def _cell_facts(outcome: Outcome, distributions: tuple[Distribution, ...]) -> Iterable[Fact]:
    if outcome.failure is not None and outcome.failure.place is not None:
        place = outcome.failure.place
        yield Fact(name="Place", value=clean_line(f"{place.path}:{place.line}"))
    if outcome.wheel is not None:
        yield from _wheel_facts(outcome.wheel, outcome.cell, distributions)
    elif outcome.reused_from is not None:
        yield Fact(name="Wheel", value=borrowed(outcome))
    if outcome.spared is not None:
        yield Fact(name="Built before, in", value=duration(outcome.spared))
    if outcome.compiler_cache is not None:
        use = outcome.compiler_cache
        yield Fact(name=clean_line(use.tool), value=f"{use.hits} hits, {use.misses} misses")
    if outcome.image is not None:
        yield Fact(name="Image", value=clean_line(outcome.image))
    if outcome.python_version is not None:
        yield Fact(name="Python", value=clean_line(outcome.python_version))


def _wheel_facts(wheel: WheelRecord, cell: Cell, distributions: tuple[Distribution, ...]) -> Iterable[Fact]:
    if wheel.needs is not None:
        needs = _parsed(wheel.needs.libc)
        libc = f"{NAMES[cell.platform.libc]} {clean_line(wheel.needs.libc)} or newer"
        if needs is not None:
            libc += f": {distributions_text(destinations(distributions, cell.platform, needs))}"
        yield Fact(name="Installs on", value=libc)
        if wheel.needs.symbols:
            yield Fact(name="Newest symbols", value=clean_line(", ".join(wheel.needs.symbols)))
    if wheel.grafted:
        yield Fact(name="Grafted", value=clean_line(", ".join(wheel.grafted)))
    if wheel.largest:
        largest = (f"{each.path} {size_text(each.size)}" for each in wheel.largest[:3])
        yield Fact(name="Largest files, packed", value=clean_line(", ".join(largest)))
    yield Fact(name="SHA-256", value=clean_line(wheel.sha256))


def _parsed(version: str) -> Version | None:
    try:
        return Version(version)
    except InvalidVersion:
        return None
