"""The outputs of a GitHub Actions step, for the workflow's later steps and jobs: directories, wheels, failed cells."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from matrix_runner.errors import ExitCode
from matrix_runner.model.outcomes import Report
from matrix_runner.report.phrases import is_failed


def outputs_at_start(*, output_dir: str, report_dir: str) -> dict[str, str]:
    """Return the outputs of a run that begins: a step with `if: always()` has them however it ends."""
    return {"output-dir": output_dir, "report-dir": report_dir}


def outputs_at_end(report: Report) -> dict[str, str]:
    """Return the outputs of a run that is over; lists are JSON, for `fromJSON`."""
    wheels = dict.fromkeys(outcome.wheel.name for outcome in report.outcomes if outcome.wheel is not None)
    passed = [str(outcome.cell) for outcome in report.outcomes if outcome.status.is_success]
    failed = [str(outcome.cell) for outcome in report.outcomes if is_failed(outcome)]
    return {
        "wheels": json.dumps(list(wheels)),
        "sdist": " ".join(sdist.name for sdist in report.sdists),
        "passed-cells": json.dumps(passed),
        "failed-cells": json.dumps(failed),
        "passed": "true" if report.exit_code is ExitCode.OK else "false",
    }


def write_github_outputs(outputs: Mapping[str, str], environ: Mapping[str, str]) -> str | None:
    """Append outputs to the file of GITHUB_OUTPUT, if there is one; return the problem, if any."""
    file = environ.get("GITHUB_OUTPUT")
    if not file:
        return None
    # A random delimiter: no path can end the value (GitHub's syntax for values of several lines).
    end = f"end-{secrets.token_hex(8)}"
    text = "".join(f"{name}<<{end}\n{value}\n{end}\n" for name, value in outputs.items())
    try:
        with Path(file).open("a", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        # The variable may reach a job's container without the file.
        return f"GITHUB_OUTPUT: {error}"
    return None
