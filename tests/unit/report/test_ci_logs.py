"""What the console prints on each CI system: folds, annotations, limits, and what stands at the end."""

import re
from pathlib import Path

import pytest
from ci_readers import READERS
from ci_story import CELLS, CP310, SNAPSHOTS, SYSTEMS, lines_of, printed, readable, story, style_of
from report_story import failed, passed

from matrix_runner.config.kinds.values import LogFolds
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import CellFinished, Event, Notice, Output, RunFinished, RunStarted, Tick
from matrix_runner.model.outcomes import Failure, Outcome, Place, Reason, RunWarning, Status, StepKind
from matrix_runner.report.ci.annotations import error_annotations, warning_annotations
from matrix_runner.report.ci.azure import AzureLog
from matrix_runner.report.ci.detection import ci_system, log_syntax
from matrix_runner.report.ci.github import GithubLog
from matrix_runner.report.ci.log_syntax import Annotation, Severity
from matrix_runner.report.ci.teamcity import TeamcityLog
from matrix_runner.report.event_records import event_line, replay
from matrix_runner.report.same_failures import failure_groups

START = RunStarted(at=0.0, run="r", cells=CELLS[:3], workers=1)
FULL = Annotation(
    severity=Severity.ERROR,
    title="a:b,c%;]|'",
    message="x%\ny::z|[ż😀]",
    place=Place(path="src/a,b:c;d].c", line=3, column=9),
)


@pytest.mark.parametrize("system", SYSTEMS, ids=str)
def test_a_run_is_printed_as_in_its_snapshot(system: LogFolds, tmp_path: Path) -> None:
    """The whole log on each system, from a recording of the run's events."""
    recording = tmp_path / "events.jsonl"
    recording.write_bytes(b"".join(map(event_line, story())))
    snapshot = (SNAPSHOTS / f"{system}.txt").read_text("utf-8")
    assert readable(printed(replay(recording), style_of(system))) == snapshot


@pytest.mark.parametrize("system", SYSTEMS, ids=str)
def test_a_failure_is_a_line_at_once_and_its_log_is_last(system: LogFolds) -> None:
    """In CI a cell that fails is told when it does, and its log stands behind all others; elsewhere both at once."""
    text = printed(story(), style_of(system))
    told, log = text.index("FAILED    cp311-manylinux_x86_64"), text.index("  | compilation terminated.")
    later = text.index("[6/6]")
    assert told < later
    assert (log > later) is (system is not LogFolds.NONE)
    assert text.count("  | compilation terminated.") == 1


@pytest.mark.parametrize("system", SYSTEMS, ids=str)
def test_a_run_that_breaks_off_tells_its_failures_all_the_same(system: LogFolds) -> None:
    """Logs that were kept for the end are printed when the console is closed, with what no summary will explain."""
    events = tuple(story())[:-1]
    text = printed(events, style_of(system))
    assert text.count("  | compilation terminated.") == 1
    assert "before-all could install lz4-devel" in text


@pytest.mark.parametrize("system", SYSTEMS, ids=str)
def test_quiet_is_for_failures_and_explains_them(system: LogFolds) -> None:
    """With `--progress quiet` no summary explains a failure, so the console does; passing cells are not mentioned."""
    text = printed(story(), style_of(system, quiet=True))
    assert "passed" not in text
    assert "start  " not in text
    # The log itself has no hint; an annotation has one too.
    assert "\n" + " " * 16 + "before-all could install lz4-devel\n" in text
    assert text.count("  | compilation terminated.") == 1


@pytest.mark.parametrize("system", [each for each in SYSTEMS if log_syntax(each).has_folds], ids=str)
def test_verbose_folds_have_the_whole_log(system: LogFolds) -> None:
    """A passing cell's fold has the end of its log, and all of it on request; a failed one's log too."""
    short, whole = printed(story(), style_of(system)), printed(story(), style_of(system, verbose=True))
    assert "test_0 ... ok" not in short
    assert "the whole log is wheelhouse-report/logs/cp310-manylinux_x86_64.log" in short
    assert whole.index("test_0 ... ok") < whole.index("test_39 ... ok") < whole.index("cc -c part0.c")


def test_what_a_build_prints_is_folded_between_the_marks() -> None:
    """The log of a passing cell stands between the marks of its fold; on Buildkite the next title ends it."""
    for system in (each for each in SYSTEMS if log_syntax(each).has_folds):
        text = printed(story(), style_of(system))
        first, last = text.index("test_39 ... ok"), text.rindex("[6/6] FAILED")
        before, between = READERS[str(system)](text[:first]), READERS[str(system)](text[first:last])
        assert len(before) > len(READERS[str(system)](text[: text.index("grew:") - 99])), system
        assert between, system


def test_annotations_are_escaped_as_each_system_asks() -> None:
    """Nothing in a title, a message or a path can end the annotation or begin another."""
    assert GithubLog().annotation(FULL) == (
        "::error file=src/a%2Cb%3Ac;d].c,line=3,col=9,title=a%3Ab%2Cc%25;]|'::x%25%0Ay::z|[ż😀]",
    )
    (issue,) = AzureLog().annotation(FULL)
    head, _, message = issue.partition(";]")
    assert head == "##vso[task.logissue type=error;sourcepath=src/a,b:c%3Bd%5D.c;linenumber=3;columnnumber=9"
    assert message == "a:b,c%AZP25;]|': x%AZP25%0Ay::z|[ż😀]"
    (problem,) = TeamcityLog().annotation(FULL)
    assert problem.startswith(
        "##teamcity[buildProblem description='a:b,c%;|]|||': x%|ny::z|||[|0x017c|0xd83d|0xde00|]' identity='matrix_"
    )
    for system in set(SYSTEMS) - {LogFolds.GITHUB, LogFolds.AZURE, LogFolds.TEAMCITY}:
        assert log_syntax(system).annotation(FULL) == ()


def unescaped(text: str, *characters: tuple[str, str]) -> str:
    """Undo GitHub's escapes as its agent does: the percent sign last."""
    for escape, character in (*characters, ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(escape, character)
    return text


@pytest.mark.parametrize("text", ["plain", "a%0Ab", "%", "%25", "a:b,c", "two\nlines", "::error::x", "=,=:"])
def test_github_reads_back_what_was_said(text: str) -> None:
    """By its own line protocol, title, file and message are those of the annotation."""
    place = Place(path=f"src/{text}", line=1)
    (line,) = GithubLog().annotation(Annotation(severity=Severity.WARNING, title=text, message=text, place=place))
    assert "\n" not in line
    ((name, properties, data),) = READERS["github"](line)
    pairs = (pair.partition("=") for pair in properties.split(","))
    read = {key: unescaped(value, ("%3A", ":"), ("%2C", ",")) for key, _, value in pairs}
    assert name == "warning"
    assert read == {"file": f"src/{text}", "line": "1", "title": text}
    assert unescaped(data) == text


def of(place: Place | None = None, reason: Reason = Reason.COMMAND, message: str = "x") -> Failure:
    """Return a failure of a build."""
    return Failure(step=StepKind.BUILD, reason=reason, message=message, place=place)


def test_the_most_useful_annotations_are_first_and_the_last_counts_the_rest() -> None:
    """GitHub shows ten: those that name a line of the project, then others of it, then the machine's."""
    place = Place(path="a.c", line=1)
    failures = [of(None, Reason.ENGINE, "machine"), *(of(None, message=f"m{n}") for n in range(10)), of(place)]
    outcomes = [Outcome(cell=CELLS[n % 6], status=Status.FAILED, failure=failure) for n, failure in enumerate(failures)]
    groups = failure_groups(outcomes)
    ten = error_annotations(groups, prefix="", most=10)
    assert [each.message for each in ten[:9]] == ["x", *(f"m{n}" for n in range(8))]
    assert (len(ten), ten[9].title) == (10, "3 more failures")
    everything = error_annotations(groups, prefix="", most=None)
    assert (len(everything), everything[-1].message) == (12, "machine")
    warnings = [RunWarning(text=f"warning {n}") for n in range(12)]
    assert warning_annotations(warnings, most=10)[9].title == "3 more warnings"
    assert len(warning_annotations(warnings[:10], most=10)) == 10


@pytest.mark.parametrize(
    ("prefix", "path", "message"), [("", "a.c", "x"), ("python", "python/a.c", "x"), (None, None, "x\na.c:1:2")]
)
def test_a_place_is_named_as_in_the_repository(prefix: str | None, path: str | None, message: str) -> None:
    """A project in a directory of its repository has the directory before its paths; an sdist has no file there."""
    outcome = Outcome(cell=CP310, status=Status.FAILED, failure=of(Place(path="a.c", line=1, column=2)))
    (annotation,) = error_annotations(failure_groups((outcome,)), prefix=prefix, most=10)
    assert (annotation.place.path if annotation.place else None, annotation.message) == (path, message)


def test_the_same_problem_of_another_build_has_the_same_identity() -> None:
    """TeamCity knows it again though other cells have it."""

    def problem(*cells: Cell) -> str:
        outcomes = [failed(cell, f"{cell} has no lz4.h") for cell in cells]
        (annotation,) = error_annotations(failure_groups(outcomes), prefix=None, most=None)
        (line,) = TeamcityLog().annotation(annotation)
        return line.partition("identity=")[2]

    assert problem(*CELLS[:2]) == problem(*CELLS[2:])
    assert len(problem(*CELLS).strip("]'")) <= 60


@pytest.mark.parametrize(
    ("environ", "system"),
    [
        ({"GITHUB_ACTIONS": "true"}, LogFolds.GITHUB),
        ({"TRAVIS": "true"}, LogFolds.TRAVIS),
        ({"GITLAB_CI": "true"}, LogFolds.GITLAB),
        ({"TF_BUILD": "True"}, LogFolds.AZURE),
        ({"BUILDKITE": "true"}, LogFolds.BUILDKITE),
        ({"CIRCLECI": "true"}, LogFolds.CIRCLECI),
        ({"TEAMCITY_VERSION": "2025.07 (build 197242)"}, LogFolds.TEAMCITY),
        ({"GITHUB_ACTIONS": "false", "TRAVIS": ""}, LogFolds.NONE),
        ({"CI": "true"}, LogFolds.NONE),
    ],
)
def test_the_ci_system_is_known_by_its_variable(environ: dict[str, str], system: LogFolds) -> None:
    """Each system's own variable decides; a false one does not count, and what is asked for counts most."""
    assert ci_system(environ) is system
    assert ci_system(environ, LogFolds.NONE) is LogFolds.NONE
    assert ci_system(environ, LogFolds.GITLAB) is LogFolds.GITLAB


@pytest.mark.parametrize("system", SYSTEMS, ids=str)
@pytest.mark.parametrize(("quiet", "seconds"), [(False, 60), (True, 300)])
def test_no_silence_is_as_long_as_a_system_allows(system: LogFolds, *, quiet: bool, seconds: int) -> None:
    """Travis CI and CircleCI end a job after ten minutes of it."""
    events: list[Event] = [START, *(Tick(at=float(at)) for at in range(3 * seconds + 1))]
    assert printed(events, style_of(system, quiet=quiet)).count(" done, ") == 3


LIMITED = [each for each in SYSTEMS if log_syntax(each).log_limit is not None]


def long_run(lines: int, length: int) -> list[Event]:
    """Tell a run of six cells, two of which fail, with as many lines of output of each."""
    events: list[Event] = [RunStarted(at=0.0, run="r", cells=CELLS, workers=1)]
    data = b"".join(b"%06d %s\n" % (number, b"x" * length) for number in range(lines))
    for number, cell in enumerate(CELLS):
        outcome = failed(cell, f"failure {number}") if number in {1, 4} else passed(cell)
        events += [Output(at=1.0, cell=cell, data=data), CellFinished(at=2.0, outcome=outcome)]
    return [*events, RunFinished(at=3.0, exit_code=1)]


@pytest.mark.parametrize("system", LIMITED, ids=str)
def test_a_log_stays_below_the_limit_of_its_system(system: LogFolds) -> None:
    """Whole logs are cut at their beginnings so that a job goes on; what happened is told, and where all of it is."""
    syntax = log_syntax(system)
    text = printed(long_run(30_000, 60), style_of(system, verbose=True))
    assert syntax.log_limit is not None
    assert len(text.encode()) + syntax.line_overhead * text.count("\n") < 0.67 * syntax.log_limit
    for number, cell in enumerate(CELLS):
        assert f"[{number + 1}/6]" in text
        assert (
            f"more of it is left out here, for {syntax.limit_rule}: wheelhouse-report/logs/{cell}.log has all" in text
        )
    assert text.count("| 029999 ") == 6
    assert all(re.fullmatch(r"  \| \d{6} x{60}", line) for line in text.splitlines() if line.endswith("xxx"))
    passing, failing = text.split("FAILED cp311")[0].count("xxx\n"), text.split("FAILED cp311")[1].count("xxx\n")
    assert passing / 4 > 100
    assert failing / 2 > passing / 4


@pytest.mark.parametrize("system", [each for each in SYSTEMS if each not in LIMITED], ids=str)
def test_where_no_limit_is_known_nothing_is_left_out(system: LogFolds) -> None:
    """All of each log is printed if it is asked for."""
    text = printed(long_run(30_000, 60), style_of(system, verbose=True))
    assert text.count("xxx\n") == 6 * 30_000
    assert "left out" not in text


def test_failures_are_told_when_nothing_is_left_for_their_logs() -> None:
    """Where even failures exceed the limit, each keeps its line and its title."""
    events: list[Event] = [RunStarted(at=0.0, run="r", cells=CELLS, workers=1)]
    events += [Notice(at=0.0, text="note " * 50_000)] * 2
    for number, cell in enumerate(CELLS):
        events += [lines_of(cell, 1.0, "y" * 90), CellFinished(at=2.0, outcome=failed(cell, f"failure {number}"))]
    text = printed([*events, RunFinished(at=3.0, exit_code=1)], style_of(LogFolds.CIRCLECI))
    for number in range(len(CELLS)):
        assert text.count(f"build (command): failure {number}") >= 2


def test_the_cause_is_shown_if_the_end_of_the_log_lacks_it() -> None:
    """The lines that show the cause stand before the end of a log that has them further up."""
    failure = Failure(
        step=StepKind.BUILD, reason=Reason.COMMAND, message="x", excerpt=("\x1b[31mthe cause", "::error::")
    )
    outcome = Outcome(cell=CP310, status=Status.FAILED, failure=failure)
    for count, is_shown in ((400, True), (20, False)):
        output = lines_of(CP310, 1.0, "the cause", "::error::", *map(str, range(count)))
        text = printed((START, output, CellFinished(at=2.0, outcome=outcome)), style_of(LogFolds.TRAVIS))
        assert ("  | the cause, further up in the log:\n  | the cause\n  | : :error::\n" in text) is is_shown


def test_a_token_of_github_stands_around_whatever_a_build_has_said() -> None:
    """No line of a log is printed while GitHub takes commands."""
    stopped = False
    for line in printed(story(), style_of(LogFolds.GITHUB, verbose=True)).splitlines():
        if line == "::stop-commands::SECRET":
            stopped = True
        elif line == "::SECRET::":
            stopped = False
        elif "forged" in line or "test_" in line.partition("]")[0]:
            assert stopped, line
    assert not stopped
