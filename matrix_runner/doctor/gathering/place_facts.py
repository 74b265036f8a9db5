"""What is seen from a place where cells run: asks `place_report`, on this machine or in a container."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

import certifi

from matrix_runner.cell_programs import program_text
from matrix_runner.doctor.place import PlaceReport
from matrix_runner.doctor.proxy import NamedProxy
from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import Container, ExecRequest
from matrix_runner.engine.proxies import CA_IN_CONTAINER, ca_bundle
from matrix_runner.errors import EngineError, MachineError
from matrix_runner.json_values import NotJson, decode

ANSWER_SECONDS: Final = 5
"""The time for an index or a proxy to answer."""
PROGRAM_SECONDS: Final = 15
"""The time for the program, whatever hangs in it."""

_NEWEST_PYTHON: Final = """
for python in /opt/python/cp31[0-9]-cp31[0-9]/bin/python /opt/python/cp3[89]-cp3[89]/bin/python /usr/bin/python3; do
  if [ -x "$python" ]; then exec "$python" -I -c "$@"; fi
done
exit 127
"""


def seen_from_here(environ: Mapping[str, str], proxies: tuple[NamedProxy, ...]) -> PlaceReport:
    """Return what is seen from this machine. Raise MachineError."""
    order = {
        "seconds": ANSWER_SECONDS,
        "bundle": str(ca_bundle(environ) or certifi.where()),
        "knocks": {proxy.variable: (proxy.host, proxy.port) for proxy in proxies if proxy.host},
    }
    argv = (sys.executable, "-I", "-c", program_text("place_report"), json.dumps(order))
    try:
        done = subprocess.run(
            argv, env=dict(environ), capture_output=True, timeout=PROGRAM_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise MachineError("the network cannot be examined: the program that asks does not end") from error
    return _read(done.stdout, done.stderr)


def seen_inside(container: Container, variables: tuple[tuple[str, str], ...]) -> PlaceReport:
    """Return what is seen from a container. `variables`: the user's own for commands. Raise EngineError."""
    order = {"seconds": ANSWER_SECONDS, "bundle": CA_IN_CONTAINER}
    argv = ("sh", "-c", _NEWEST_PYTHON, "sh", program_text("place_report"), json.dumps(order))
    answer = Answer()
    result = container.exec(ExecRequest(argv=argv, env=variables, cwd="/", timeout=PROGRAM_SECONDS), answer.hear)
    if result.status == 127:
        raise EngineError("the image has no Python from 3.8 on that could look around")
    return _read(answer.data, b"")


def _read(output: bytes, said: bytes) -> PlaceReport:
    # What an image's shell adds comes before.
    last = output.strip().rpartition(b"\n")[2]
    try:
        return decode(last, PlaceReport)
    except NotJson as error:
        words = (said or output).decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise EngineError(f"the program that looks around has failed: {words[:300]}") from error
