"""Which containers Docker created or started in a stretch of time, and of which run each is by its label."""

import msgspec
from workload import BenchmarkError, command

from matrix_runner.engine.leasing.leases import LABEL_RUN


class _Actor(msgspec.Struct, frozen=True):
    attributes: dict[str, str] = msgspec.field(name="Attributes", default_factory=dict)


class _Event(msgspec.Struct, frozen=True):
    actor: _Actor = msgspec.field(name="Actor")


def require_none(since: float, until: float, run: str) -> None:
    """Raise BenchmarkError if a container came up between two Unix times.

    Containers that are labelled with another run than `run` are somebody else's. All others count: one without a
    label, or with the empty one of our images, would be no better.
    """
    window = ("--since", f"{since:.6f}", "--until", f"{until:.6f}")
    kinds = ("--filter", "type=container", "--filter", "event=create", "--filter", "event=start")
    lines = command(("docker", "events", *window, *kinds, "--format", "{{json .}}")).splitlines()
    seen = tuple(msgspec.json.decode(line, type=_Event).actor.attributes for line in lines)
    ours = sorted({one.get("name", "?") for one in seen if (one.get(LABEL_RUN) or run) == run})
    if ours:
        raise BenchmarkError(f"containers were started though nothing had changed: {', '.join(ours)}")
