"""The source on an engine of another machine: sent once, unpacked by each cell; put as usual where that fails."""

import hashlib
import io
import tarfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from matrix_runner.container.given_source import LEAST, GivenSource, is_far
from matrix_runner.engine.api import ContainerSpec
from matrix_runner.engine.fake.fake_engine import ANY_IMAGE, FakeCall, FakeEngine, FakeResult
from matrix_runner.model.platforms import Arch
from matrix_runner.project.source_archive import SourceArchive
from matrix_runner.recipe.layout import Layout

SPEC = ContainerSpec(image=ANY_IMAGE, arch=Arch.X86_64, name="cell")
LAYOUT = Layout(root="")


def archive(directory: Path, size: int) -> SourceArchive:
    """Return an archive of a size."""
    path = directory / "packed.tar"
    path.write_bytes(b"s" * size)
    return SourceArchive(path=path, size=size, files=1, epoch=0, notices=())


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("unix:///var/run/docker.sock", False),
        ("ssh://me@builder/run/podman.sock", True),
        ("tcp://builder:2376", True),
        ("https://builder:2376", True),
        ("tcp://127.0.0.1:2375", False),
        ("tcp://localhost:2375", False),
        ("npipe:////./pipe/docker_engine", False),
        ("local", False),
    ],
)
def test_which_engines_are_far(endpoint: str, expected: bool) -> None:  # noqa: FBT001
    """Those of which the address names another machine."""
    assert is_far(endpoint) is expected


def test_it_is_sent_once(tmp_path: Path) -> None:
    """The first cell sends it as one file, all of them unpack that one; its digest is checked each time."""
    source, given = archive(tmp_path, LEAST), GivenSource()
    sent: list[tuple[str, bytes]] = []

    def put(directory: str, pieces: Iterable[bytes]) -> None:
        sent.append((directory, b"".join(pieces)))

    with closing(FakeEngine()) as engine:
        for _ in range(2):
            with engine.open(SPEC) as container:
                assert given.unpack(source, container, put, LAYOUT)
        digests = [call.request.argv[-1] for call in engine.commands]
    [(directory, data)] = sent
    assert directory == "/matrix/given"
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        member = tar.extractfile("source.tar")
        assert member is not None
        assert member.read() == b"s" * LEAST
    assert digests == [hashlib.sha256(b"s" * LEAST).hexdigest()] * 2


def test_it_cannot_be_unpacked(tmp_path: Path) -> None:
    """Without `sha256sum` in the image, say, or if it is not what was sent: it is put then."""

    def refuse(call: FakeCall) -> FakeResult:
        del call
        return FakeResult(status=1)

    with closing(FakeEngine(refuse)) as engine, engine.open(SPEC) as container:
        assert not GivenSource().unpack(archive(tmp_path, LEAST), container, lambda *_: None, LAYOUT)


def test_a_small_one(tmp_path: Path) -> None:
    """It is put: nothing is sent for later cells."""
    with closing(FakeEngine()) as engine, engine.open(SPEC) as container:
        assert not GivenSource().unpack(archive(tmp_path, LEAST - 1), container, lambda *_: None, LAYOUT)
        assert engine.commands == []
