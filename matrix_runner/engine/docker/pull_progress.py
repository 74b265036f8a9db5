"""How much of an image has come, by what the daemon says of its layers while it pulls. Pure."""

from collections.abc import Mapping

import msgspec

from matrix_runner.model.events import Transfer

_HAS_COME = {"Download complete", "Verifying Checksum", "Extracting", "Pull complete"}
"""Statuses of a layer whose bytes are all here (Docker 20.10 to 28, both image stores; Podman 5 says the same)."""

_IS_DONE = {"Pull complete", "Download complete"}
_WAS_THERE = {"Already exists"}


class PullLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the daemon's. `layer`: "" for one about the image; `done`, `total`: bytes, 0 if it does not say."""

    layer: str
    status: str
    done: int = 0
    total: int = 0


def pull_line(answer: Mapping[str, object]) -> PullLine:
    """Return a line of the stream of `POST /images/create`, whatever is missing or odd in it."""
    detail = answer.get("progressDetail")
    numbers = detail if isinstance(detail, Mapping) else {}
    return PullLine(
        layer=str(answer.get("id") or ""),
        status=str(answer.get("status") or ""),
        done=_number(numbers.get("current")),
        total=_number(numbers.get("total")),
    )


class PullProgress:
    """Adds up what the lines say of each layer."""

    def __init__(self) -> None:
        self._layers: dict[str, PullLine] = {}

    def hear(self, line: PullLine) -> Transfer | None:
        """Take a line; return how much has come, None if the line changes nothing of that."""
        if not line.layer or line.status in _WAS_THERE or line.status.startswith("Pulling from"):
            return None
        before = self._layers.get(line.layer)
        total = line.total if line.status == "Downloading" and line.total else before.total if before else 0
        done = total if line.status in _HAS_COME else line.done if line.status == "Downloading" else 0
        # A layer that is unpacked counts what it unpacks: its bytes have come.
        now = PullLine(layer=line.layer, status=line.status, done=max(done, before.done if before else 0), total=total)
        if now == before:
            return None
        self._layers[line.layer] = now
        layers = self._layers.values()
        return Transfer(
            done=sum(layer.done for layer in layers),
            total=sum(layer.total for layer in layers),
            parts_done=sum(layer.status in _IS_DONE for layer in layers),
            parts=len(layers),
        )


def _number(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
