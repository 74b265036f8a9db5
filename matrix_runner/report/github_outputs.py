"""The outputs of a GitHub Actions step: the directories of the run, for the workflow's later steps."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from matrix_runner.report.summary.text_summary import RunDirectories


def write_github_outputs(directories: RunDirectories, environ: Mapping[str, str]) -> str | None:
    """Append `output-dir` and `report-dir` to the file of GITHUB_OUTPUT, if there is one.

    Written before the run, so that a step with `if: always()` has them however it ends. Return the problem, if any.
    """
    file = environ.get("GITHUB_OUTPUT")
    if not file:
        return None
    # A random delimiter: no path can end the value (GitHub's syntax for values of several lines).
    end = f"end-{secrets.token_hex(8)}"
    values = {"output-dir": directories.output, "report-dir": directories.report}
    text = "".join(f"{name}<<{end}\n{value}\n{end}\n" for name, value in values.items())
    try:
        with Path(file).open("a", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        # The variable may reach a job's container without the file.
        return f"GITHUB_OUTPUT: {error}"
    return None
