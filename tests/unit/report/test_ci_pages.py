"""What a run puts on the pages of CI systems, besides its log."""

import io
from pathlib import Path

import pytest
from report_story import CP39, CP311, DIRECTORIES, failed, passed

from matrix_runner.config.kinds.values import LogFolds, Progress
from matrix_runner.errors import ConfigError, MachineError
from matrix_runner.model.outcomes import Report
from matrix_runner.report.ci.step_summary import append_step_summary
from matrix_runner.report.summary.markdown_summary import CAP, markdown_summary
from matrix_runner.report.summary.report_writers import Streams, summaries
from matrix_runner.report.summary.stopped_run import tell_ci
from matrix_runner.report.summary.text_summary import RunDirectories
from matrix_runner.report.terminal import LineWriter

GOOD = Report(run="r", seconds=1.0, outcomes=(passed(CP39),))
BAD = Report(run="r", seconds=1.0, outcomes=(passed(CP39), failed(CP311)))


def shown(
    report: Report,
    environ: dict[str, str],
    system: LogFolds,
    directories: RunDirectories = DIRECTORIES,
    progress: Progress = Progress.PLAIN,
) -> tuple[str, str]:
    """Return what a run's summaries print, to standard output and to standard error."""
    out, errors = io.StringIO(), io.StringIO()
    streams = Streams(out=LineWriter(out), errors=LineWriter(errors), colour=False, width=100)
    for each in summaries(progress, environ, streams, system):
        each.show(report, directories, 0)
    return out.getvalue(), errors.getvalue()


def test_a_steps_summary_is_appended_to_what_is_there(tmp_path: Path) -> None:
    """What other commands of the step have written stays, of a failed run too."""
    page = tmp_path / "summary.md"
    page.write_text("# Mine")
    shown(BAD, {"GITHUB_STEP_SUMMARY": str(page)}, LogFolds.GITHUB)
    assert page.read_text("utf-8") == f"# Mine\n{markdown_summary(BAD, directories=DIRECTORIES)}"


@pytest.mark.parametrize("there", [0, 1000, CAP - 2000, CAP - 2, CAP, CAP + 5])
def test_all_summaries_of_a_step_are_at_most_a_mebibyte(there: int, tmp_path: Path) -> None:
    """GitHub rejects more as a whole, so that nothing is shown of it: what is there already counts."""
    page = tmp_path / "summary.md"
    page.write_text("x" * there)
    long = Report(run="r", seconds=1.0, outcomes=(failed(CP39, f"{'ż' * 3000}\n" * 400),))
    shown(long, {"GITHUB_STEP_SUMMARY": str(page)}, LogFolds.GITHUB)
    size = page.stat().st_size
    assert size <= max(CAP, there + 1)
    assert size > there + 1000 or there > CAP - 1000


def test_outputs_are_written_without_a_summary_too(tmp_path: Path) -> None:
    """Each of GitHub's files is there or not by itself."""
    file = tmp_path / "outputs"
    assert shown(GOOD, {"GITHUB_OUTPUT": str(file)}, LogFolds.GITHUB)[1] == ""
    assert "passed<<" in file.read_text()
    assert append_step_summary({}, lambda _: "x") is None


def agent(directory: Path, script: str) -> dict[str, str]:
    """Put a program in place of Buildkite's agent that notes how it is called; return the environment of a job."""
    place = directory / "bin" / "buildkite-agent"
    place.parent.mkdir()
    place.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{directory}/arguments\ncat >{directory}/text\n{script}\n')
    place.chmod(0o755)
    return {"PATH": f"{place.parent}:/usr/bin:/bin", "BUILDKITE_STEP_ID": "0196", "BUILDKITE_PARALLEL_JOB": "2"}


@pytest.mark.parametrize(("report", "style"), [(GOOD, "success"), (BAD, "error")])
def test_a_build_of_buildkite_is_annotated(report: Report, style: str, tmp_path: Path) -> None:
    """The agent's own program gets the summary; each parallel job has an annotation of its own."""
    environ = agent(tmp_path, "")
    assert shown(report, environ, LogFolds.BUILDKITE)[1] == ""
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments == ["annotate", "--context", "matrix-runner-0196-2", "--style", style]
    assert (tmp_path / "text").read_text("utf-8") == markdown_summary(report, directories=DIRECTORIES)


def test_an_agent_that_fails_is_a_warning(tmp_path: Path) -> None:
    """The run is what it was; its words are quoted in a line, without commands."""
    environ = agent(tmp_path, "printf 'no\\n--- server' >&2; exit 3")
    warning = shown(GOOD, environ, LogFolds.BUILDKITE)[1]
    assert warning == "warning: buildkite-agent annotate: no - -- server\n"


def test_without_an_agent_there_is_no_annotation(tmp_path: Path) -> None:
    """As in a container of the job; elsewhere than on Buildkite the agent is not called."""
    assert shown(GOOD, {"PATH": str(tmp_path)}, LogFolds.BUILDKITE)[1] == ""
    environ = agent(tmp_path, "")
    shown(GOOD, environ, LogFolds.GITHUB)
    assert not (tmp_path / "arguments").exists()


def test_azure_is_told_of_the_summary(tmp_path: Path) -> None:
    """The log names it, if it is there, and if standard output is not for events alone."""
    directories = RunDirectories(output="wheelhouse", report=str(tmp_path))
    file = tmp_path / "report.md"
    assert "##vso[task.uploadsummary]" not in shown(GOOD, {}, LogFolds.AZURE, directories)[0]
    file.write_text("### Wheels")
    assert "##vso[task.uploadsummary]" not in shown(GOOD, {}, LogFolds.AZURE, directories, Progress.JSON)[0]
    out, errors = shown(GOOD, {}, LogFolds.AZURE, directories)
    assert out.splitlines()[-1] == f"##vso[task.uploadsummary]{file}"
    assert errors == ""


def test_an_error_before_a_run_is_on_the_page_too(tmp_path: Path) -> None:
    """Of a build that could not begin, GitHub shows the error as annotation and in the summary."""
    errors, page = io.StringIO(), tmp_path / "summary.md"
    error = ConfigError(("pyproject.toml:3: one", "pyproject.toml:9: ##[two]"), hint="See *docs*.")
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page)}
    tell_ci(error, environ, LogFolds.AUTO, LineWriter(errors))
    assert errors.getvalue() == (
        "::error title=matrix-runner::pyproject.toml:3: one%0Apyproject.toml:9: # #[two]%0ASee *docs*.\n"
    )
    assert "    pyproject.toml:3: one\n" in page.read_text("utf-8")
    assert "See \\*docs\\*." in page.read_text("utf-8")


def test_outside_of_ci_an_error_is_not_annotated() -> None:
    """Nor where `log-folds` says that nothing is for a CI system."""
    errors = io.StringIO()
    tell_ci(MachineError("x"), {}, LogFolds.AUTO, LineWriter(errors))
    tell_ci(MachineError("x"), {"GITHUB_ACTIONS": "true"}, LogFolds.NONE, LineWriter(errors))
    assert errors.getvalue() == ""
