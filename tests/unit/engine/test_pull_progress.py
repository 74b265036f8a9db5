"""How much of an image has come, by what daemons say: lines as they came from Docker 28 and from a registry here."""

import pytest

from matrix_runner.engine.docker.pull_progress import PullProgress, pull_line
from matrix_runner.model.events import Transfer


def line(layer: str, status: str, done: int | None = None, total: int | None = None) -> dict[str, object]:
    """Return a line as the daemon sends it."""
    detail = {} if done is None else {"current": done, "total": total}
    return {"id": layer, "status": status, "progressDetail": detail, "progress": "[==>  ]"}


def heard(*lines: dict[str, object]) -> list[Transfer]:
    """Return what is told after each of the lines that changes something."""
    progress = PullProgress()
    found = (progress.hear(pull_line(each)) for each in lines)
    return [each for each in found if each is not None]


def test_bytes_and_layers_add_up() -> None:
    """Layers that are there already do not count; one that is unpacked has come, whatever it counts then."""
    told = heard(
        {"status": "Pulling from images/demo", "id": "1.0"},
        line("a", "Pulling fs layer"),
        line("b", "Pulling fs layer"),
        line("c", "Already exists"),
        line("a", "Downloading", 10, 100),
        line("b", "Downloading", 50, 300),
        line("a", "Verifying Checksum"),
        line("a", "Download complete"),
        line("a", "Extracting", 700, 900),
        line("a", "Pull complete"),
        line("b", "Download complete"),
        line("b", "Pull complete"),
        {"status": "Digest: sha256:0123"},
        {"status": "Status: Downloaded newer image for demo"},
    )
    assert told[1] == Transfer(done=0, total=0, parts_done=0, parts=2)
    assert told[3] == Transfer(done=60, total=400, parts_done=0, parts=2)
    assert told[4].done == 150
    assert all(each.done <= each.total for each in told)
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert told[-1] == Transfer(done=400, total=400, parts_done=2, parts=2)


def test_a_line_that_says_the_same_again_is_not_told() -> None:
    """A daemon sends hundreds a second."""
    again = line("a", "Downloading", 10, 100)
    assert len(heard(again, again, again)) == 1


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"id": None, "status": None},
        {"id": "a", "status": "Downloading", "progressDetail": None},
        {"id": "a", "status": "Downloading", "progressDetail": {"current": "7", "total": -1}},
        {"id": 7, "status": ["x"]},
    ],
)
def test_odd_lines_are_no_error(odd: dict[str, object]) -> None:
    """Whatever a daemon of another make says."""
    heard(odd, line("b", "Downloading", 1, 2))
