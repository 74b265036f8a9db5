"""What is said when a run is over, to people and to GitHub."""

import subprocess
import sys

from msgspec.structs import replace
from report_story import CP39, CP311, CP313T, DIRECTORIES, failed, passed

from matrix_runner.errors import ExitCode
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Failure, Outcome, Place, Reason, Report, Status, StepKind
from matrix_runner.report.summary.markdown_summary import CAP, markdown_summary
from matrix_runner.report.summary.text_summary import MEANINGS, summary_lines

REPORT = Report(run="r", seconds=27.0, outcomes=(passed(CP39), failed(CP311, "it\x1b[2J broke", "Install lz4.")))
LEFT_OUT = ((CP313T, "no image has it"), (Cell.parse("cp27mu-manylinux_i686"), "end of life"))


def test_the_summary_says_at_a_glance_what_failed_where_and_why() -> None:
    """The whole text of a run with one good and one bad cell."""
    assert summary_lines(REPORT, directories=DIRECTORIES, left_out=LEFT_OUT, width=100) == (
        "",
        "status     cell                      time       size  wheel or cause",
        "passed     cp39-manylinux_x86_64      42s    2.0 KiB  demo-1.0-cp39-cp39-manylinux_2_31_x86_64.whl",
        "failed     cp311-manylinux_x86_64     12s             build (command)",
        "",
        "FAILED  cp311-manylinux_x86_64  in build (command) after 12s",
        "  it broke",
        "  Install lz4.",
        "  log: wheelhouse-report/logs/cp311-manylinux_x86_64.log",
        "  look around in it: runner shell cp311-manylinux_x86_64",
        "",
        "2 cells left out",
        "  no image has it:",
        "    cp313t-manylinux_i686",
        "  end of life:",
        "    cp27mu-manylinux_i686",
        "",
        "1 wheel (2.0 KiB) in wheelhouse after 27s",
        "one cell after another: 54s, 2.0 times as long",
        "report and logs are in wheelhouse-report",
        "1 of 2 cells passed; exit code 1: a cell failed",
    )


def test_the_command_that_leads_into_a_kept_container_is_named() -> None:
    """Of the first cell that has one, also if its failure was the machine's."""
    failure = Failure(step=StepKind.PREPARE, reason=Reason.ENGINE, message="no interpreter")
    both = tuple(Outcome(cell=cell, status=Status.FAILED, failure=failure) for cell in (CP39, CP311))
    kept = (both[0], replace(both[1], kept=f"matrix-runner/debug:{CP311}"))
    lines = summary_lines(Report(run="r", seconds=1.0, outcomes=kept), directories=DIRECTORIES)
    assert [line for line in lines if "runner shell" in line] == [
        f"  go into its container, which is kept: runner shell {CP311}"
    ]
    there = replace(DIRECTORIES, again="native --image debian")
    lines = summary_lines(Report(run="r", seconds=1.0, outcomes=kept), directories=there)
    assert f"  go into its container, which is kept: runner shell {CP311} native --image debian" in lines
    none = summary_lines(Report(run="r", seconds=1.0, outcomes=both), directories=DIRECTORIES)
    assert [line for line in none if "runner shell" in line] == []


def test_cells_that_one_missing_image_fails_are_explained_once() -> None:
    """What failed before its first command for the same reason is one paragraph; other failures stay apart."""
    failure = Failure(step=StepKind.PREPARE, reason=Reason.ENGINE, message="no registry", hint="Make images.")
    outcomes = tuple(
        Outcome(cell=cell, status=Status.FAILED, failure=failure, log=f"{cell}.log") for cell in (CP39, CP313T)
    )
    report = Report(run="r", seconds=1.0, outcomes=(outcomes[0], failed(CP311), outcomes[1]))
    lines = summary_lines(report, directories=DIRECTORIES)
    assert [line for line in lines if line.startswith("FAILED")] == [
        f"FAILED  {CP39}, {CP313T}  in prepare (engine)",
        f"FAILED  {CP311}  in build (command) after 12s",
    ]
    assert [line for line in lines if "log:" in line] == [f"  log: wheelhouse-report/logs/{CP311}.log"]


def test_one_missing_header_is_told_once() -> None:
    """What cells fail in alike is told once on every page, with all of the cells and the logs of some."""
    cells = [Cell.parse(f"cp3{minor}-manylinux_{arch}") for minor in (10, 11, 12) for arch in ("x86_64", "i686")]
    outcomes = tuple(
        failed(cell, f"python3.{cell.interpreter.minor} for {cell}: no lz4.h", "Install lz4.") for cell in cells
    )
    report = Report(run="r", seconds=1.0, outcomes=outcomes)
    lines, page = summary_lines(report, directories=DIRECTORIES), markdown_summary(report, directories=DIRECTORIES)
    for text in ("\n".join(lines), page):
        assert text.count("no lz4.h") == text.count("Install lz4.") == 1
    assert f"FAILED  {', '.join(map(str, cells))}  in build (command)" in lines
    assert [line for line in lines if "  log: " in line or "beside" in line] == [
        *(f"  log: wheelhouse-report/logs/{cell}.log" for cell in cells[:4]),
        "  and 2 logs beside",
    ]


def test_a_failure_names_its_place() -> None:
    """Where in the project the cause lies is told on console and page, and the log's lines of it on the page."""
    failure = Failure(
        step=StepKind.BUILD,
        reason=Reason.COMMAND,
        message="no lz4.h",
        place=Place(path="src/a`b.c", line=3, column=9),
        excerpt=("src/a`b.c:3:9: \x1b[31mno lz4.h", "</pre>"),
    )
    report = Report(run="r", seconds=1.0, outcomes=(Outcome(cell=CP39, status=Status.FAILED, failure=failure),))
    assert "  at src/a`b.c:3:9" in summary_lines(report, directories=DIRECTORIES)
    markdown = markdown_summary(report, directories=DIRECTORIES)
    assert "\n`src/a b.c:3:9`\n" in markdown
    assert "From the log:\n\n    src/a`b.c:3:9: no lz4.h\n    </pre>\n" in markdown


def test_the_table_keeps_to_the_width_it_is_given() -> None:
    """Rows are cut, so that they stay a table; what explains a failure is not."""
    report = Report(run="r", seconds=1, outcomes=(passed(CP39), failed(CP311, "word " * 50)))
    lines = summary_lines(report, directories=DIRECTORIES, width=60)
    assert max(len(line) for line in lines[1:4]) <= 60
    assert any(len(line) > 200 for line in lines[4:])


def test_a_clean_run_ends_with_what_was_delivered() -> None:
    """No exit code and no failure is mentioned where there is none."""
    lines = summary_lines(Report(run="r", seconds=42, outcomes=(passed(CP39),)), directories=DIRECTORIES)
    assert lines[-2:] == ("1 wheel (2.0 KiB) in wheelhouse after 42s", "report and logs are in wheelhouse-report")


def test_a_wheel_that_several_cells_share_is_counted_once() -> None:
    """An abi3 wheel that later interpreters only tested is one delivered wheel."""
    shared = passed(CP39)
    report = Report(run="r", seconds=42, outcomes=(shared, shared))
    assert any(line.startswith("1 wheel (2.0 KiB)") for line in summary_lines(report, directories=DIRECTORIES))


def test_every_exit_code_has_a_meaning() -> None:
    """The last line can always be written."""
    assert set(MEANINGS) == set(ExitCode)


def test_markdown_names_the_failed_cell_its_cause_and_the_rest() -> None:
    """The page shows the same facts, and untrusted text is no markup there."""
    report = Report(run="r", seconds=1, outcomes=(passed(CP39), failed(CP311, "</table>\n```\n# x", "<b>*now*")))
    text = markdown_summary(report, directories=DIRECTORIES, left_out=LEFT_OUT)
    assert "| ✅ passed | `cp39-manylinux_x86_64` |" in text
    assert "#### ❌ `cp311-manylinux_x86_64` failed in build (command)" in text
    assert "    </table>\n    ```\n    # x\n" in text
    assert r"\<b\>\*now\*" in text
    assert "- no image has it: `cp313t-manylinux_i686`" in text


def test_markdown_is_capped_where_github_would_refuse_it() -> None:
    """A summary of more than 1 MiB is cut, says so, and is still UTF-8."""
    report = Report(run="r", seconds=1, outcomes=(failed(CP39, f"{'ż' * 3000}\n" * 400),))
    for room in (CAP, 5000):
        text = markdown_summary(report, directories=DIRECTORIES, room=room)
        assert len(text.encode()) <= room
        assert text.endswith("1 MiB.\n")
    assert markdown_summary(report, directories=DIRECTORIES, room=9) == ""


def test_plain_mode_needs_no_rich() -> None:
    """All but the live table can be imported without rich, which costs a tenth of a second."""
    names = (
        "console.plain_console",
        "summary.text_summary",
        "summary.markdown_summary",
        "summary.report_json",
        "event_stream",
        "console.console_choice",
        "summary.report_writers",
        "cell_logs",
        "terminal",
    )
    code = (
        "import sys, "
        + ", ".join(f"matrix_runner.report.{name}" for name in names)
        + "; sys.exit('rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
