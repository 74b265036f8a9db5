"""The summary of a GitHub Actions step (`GITHUB_STEP_SUMMARY`): appended to, within what GitHub takes of a step."""

from collections.abc import Callable, Mapping
from pathlib import Path

from matrix_runner.report.summary.markdown_summary import CAP


def append_step_summary(environ: Mapping[str, str], render: Callable[[int], str]) -> str | None:
    """Append to the summary of the step, if there is one; return the problem, if any.

    `render` is given the bytes that are left, for other commands of the step may have written there before.
    """
    file = environ.get("GITHUB_STEP_SUMMARY")
    if not file:
        return None
    try:
        with Path(file).open("a", encoding="utf-8") as stream:
            start = "\n" if stream.tell() else ""
            stream.write(start + render(max(CAP - stream.tell() - len(start), 0)))
    except OSError as error:
        # The variable may reach a job's container without the file.
        return f"GITHUB_STEP_SUMMARY: {error}"
    return None
