"""The annotation of a Buildkite build: a Markdown text on the build's page, by the agent's own program."""

import shutil
import subprocess
from collections.abc import Mapping

_AGENT = "buildkite-agent"
_SECONDS = 30.0
"""Time for the agent: its server may not answer, and the run is over."""


def annotate_build(text: str, environ: Mapping[str, str], *, is_success: bool) -> str | None:
    """Annotate the build, if the agent is on PATH; return the problem, if any.

    The annotation takes the place of the last one of the same step and parallel job, such as of an earlier attempt.
    """
    program = shutil.which(_AGENT, path=environ.get("PATH"))
    if program is None or not text:
        return None
    parts = ("matrix-runner", environ.get("BUILDKITE_STEP_ID"), environ.get("BUILDKITE_PARALLEL_JOB"))
    context = "-".join(filter(None, parts))
    argv = (program, "annotate", "--context", context, "--style", "success" if is_success else "error")
    try:
        done = subprocess.run(
            argv,
            env=dict(environ),
            input=text.encode(errors="replace"),
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{_AGENT} annotate: {error}"
    if done.returncode == 0:
        return None
    words = done.stderr.decode(errors="replace").strip() or f"ended with status {done.returncode}"
    return f"{_AGENT} annotate: {words}"
