"""Taking a wheel out of a container's tar stream."""

import itertools
import tarfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from wheel_builder import X86_64, in_chunks, member, tar_of

from matrix_runner.errors import EngineError, OutputError, WheelRejected
from matrix_runner.wheelhouse import Expected, intake, receive

DATA = bytes(range(256)) * 500
LONG = f"demo-1.0-cp311-cp311-{'.'.join(f'manylinux_2_{minor}_x86_64' for minor in range(10, 20))}.whl"


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("size", [1, 511, 4096, 10**7])
def test_one_wheel_in_a_directory_is_taken(tmp_path: Path, form: int, size: int) -> None:
    """A directory with one wheel gives that wheel, byte for byte, in any tar format and cut anywhere."""
    archive = tar_of((member("out/", kind=tarfile.DIRTYPE), b""), (f"out/{X86_64}", DATA), form=form)
    wheel = receive(in_chunks(archive, size), tmp_path)
    assert wheel == tmp_path / X86_64
    assert wheel.read_bytes() == DATA
    assert list(tmp_path.iterdir()) == [wheel]


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_name_too_long_for_the_old_header_is_read(tmp_path: Path, form: int) -> None:
    """Many platform tags make a long name, which comes in an extra header of its own."""
    assert receive(in_chunks(tar_of((LONG, DATA), form=form)), tmp_path).name == LONG


def test_a_dotfile_next_to_the_wheel_is_passed_over(tmp_path: Path) -> None:
    """`uv build` leaves a .gitignore beside its wheels, which is nobody's mistake."""
    archive = tar_of(("dist/.gitignore", b"*"), (f"dist/{X86_64}", DATA))
    assert receive(in_chunks(archive), tmp_path).read_bytes() == DATA


REJECTED = {
    "no wheel": (tar_of((member("out", kind=tarfile.DIRTYPE), b"")), "no wheel was found"),
    "nothing": (tar_of(), "no wheel was found"),
    "two wheels": (tar_of((X86_64, DATA), (X86_64.replace("1.0", "2.0"), DATA)), "two wheels .*1.0.*2.0"),
    "the same twice": (tar_of((X86_64, DATA), (X86_64, DATA)), "two wheels"),
    "sdist": (tar_of(("demo-1.0.tar.gz", DATA)), "demo-1.0.tar.gz.* is not a wheel"),
    "wheel and more": (tar_of((X86_64, DATA), ("notes.txt", b"x")), "notes.txt.* is not a wheel"),
    "upwards": (tar_of((f"../{X86_64}", DATA)), "leads out"),
    "upwards inside": (tar_of((f"out/../../{X86_64}", DATA)), "leads out"),
    "absolute": (tar_of((f"/etc/{X86_64}", DATA)), "leads out"),
    "symlink": (tar_of((member(X86_64, kind=tarfile.SYMTYPE, link="/etc/shadow"), b"")), "is a link"),
    "hard link": (tar_of((member(X86_64, kind=tarfile.LNKTYPE, link="/etc/shadow"), b"")), "is a link"),
    "fifo": (tar_of((member(X86_64, kind=tarfile.FIFOTYPE), b"")), "no regular file"),
    "device": (tar_of((member(X86_64, kind=tarfile.BLKTYPE), b"")), "no regular file"),
    "sparse": (tar_of((member(X86_64, kind=tarfile.GNUTYPE_SPARSE), b"")), "no regular file"),
    "empty": (tar_of((X86_64, b"")), "at least one"),
    "not a wheel's name": (tar_of(("demo.whl", DATA)), "is not named as wheels are"),
    "escape sequence": (tar_of((f"\x1b[2J{X86_64}", DATA)), "not the plain name"),
    "not a tar": (b"<html>502 Bad Gateway</html>" * 100, "broken or cut short"),
    "no bytes": (b"", "broken or cut short"),
    "no end": (tar_of((X86_64, DATA)).rstrip(b"\0"), "broken or cut short"),
    "more behind the end": (tar_of((X86_64, DATA)) + tar_of((X86_64, DATA)), "follows its end"),
    "thousands of directories": (
        tar_of(*((member(f"d{number}", kind=tarfile.DIRTYPE), b"") for number in range(2000))),
        "more than 1000 entries",
    ),
}


@pytest.mark.parametrize(("archive", "message"), REJECTED.values(), ids=REJECTED.keys())
def test_anything_else_is_refused_by_name_and_leaves_nothing(tmp_path: Path, archive: bytes, message: str) -> None:
    """Whatever is not exactly one wheel is refused, the message says what came, and no file stays."""
    with pytest.raises(WheelRejected, match=message):
        receive(in_chunks(archive), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_has_so_many_entries(tmp_path: Path) -> None:
    """The last that is looked at may be the wheel."""
    few = [(member(f"d{number}", kind=tarfile.DIRTYPE), b"") for number in range(intake._MEMBERS - 1)]
    assert receive(in_chunks(tar_of(*few, (X86_64, DATA))), tmp_path).name == X86_64
    with pytest.raises(WheelRejected, match=f"more than {intake._MEMBERS} entries"):
        receive(in_chunks(tar_of(*few, (member("d", kind=tarfile.DIRTYPE), b""), (X86_64, DATA))), tmp_path)


ANY = Expected(article="a", noun="file", suffix="", check=len, origin="a command")


@pytest.mark.parametrize("name", [".", "", "n" * 256, "\u00e9" * 128])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    """It is the archive's fault, not that of the disk."""
    with pytest.raises(WheelRejected, match=r"has a name that file systems do not take|is no regular file"):
        receive(in_chunks(tar_of((name, DATA))), tmp_path, expected=ANY)
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_as_long_as_file_systems_take(tmp_path: Path) -> None:
    """255 bytes."""
    assert receive(in_chunks(tar_of(("n" * 255, DATA))), tmp_path, expected=ANY).read_bytes() == DATA


def test_a_wheel_over_the_limit_is_refused_before_its_data(tmp_path: Path) -> None:
    """The size cap holds for what the archive claims, so that nothing is read for nothing."""
    header = member(X86_64, 10 * 1024**3).tobuf(tarfile.GNU_FORMAT)
    given: list[int] = []

    def stream() -> Iterator[bytes]:
        yield header
        for number in itertools.count():
            given.append(number)
            yield bytes(1024**2)

    with pytest.raises(WheelRejected, match="10737418240 bytes"):
        receive(stream(), tmp_path)
    assert len(given) <= 1


@pytest.mark.parametrize("chunk", [b"", bytes(4096), b"x" * 4096], ids=["empty", "zeros", "letters"])
def test_a_stream_without_end_is_left(tmp_path: Path, chunk: bytes) -> None:
    """After the wheel, and instead of one, a stream that never ends is given up soon."""
    whole = tar_of((X86_64, DATA))
    for start in (whole, b""):
        with pytest.raises(WheelRejected):
            receive(itertools.chain([start], itertools.repeat(chunk)), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_gigantic_extended_header_is_not_read_into_memory(tmp_path: Path) -> None:
    """`tarfile` reads extended headers whole, of any size; ours stops it early."""
    header = member("huge", 4 * 1024**3, tarfile.XHDTYPE).tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(WheelRejected, match="without end"):
        receive(itertools.chain([header], itertools.repeat(b"9" * 4096)), tmp_path)


def test_memory_is_flat(tmp_path: Path) -> None:
    """A wheel of 60 MB passes through a few hundred kilobytes."""
    size = 60 * 1024**2
    header = member(X86_64, size).tobuf(tarfile.GNU_FORMAT)
    pieces = itertools.chain([header], itertools.repeat(bytes(64 * 1024), size // (64 * 1024)), [bytes(1024)])
    tracemalloc.start()
    try:
        wheel = receive(iter(pieces), tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert wheel.stat().st_size == size
    assert peak < 4 * 1024**2


def test_what_the_engine_raises_passes_through(tmp_path: Path) -> None:
    """A daemon that goes away in mid-stream is the engine's error, and leaves no file."""

    def stream() -> Iterator[bytes]:
        yield tar_of((X86_64, DATA))[:60_000]
        raise EngineError("the daemon went away")

    with pytest.raises(EngineError, match="went away"):
        receive(stream(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_there_is_an_output_error(tmp_path: Path) -> None:
    """A staging directory that cannot be written to is the machine's fault, not the wheel's."""
    with pytest.raises(OutputError, match="cannot write"):
        receive(in_chunks(tar_of((X86_64, DATA))), tmp_path / "gone")
