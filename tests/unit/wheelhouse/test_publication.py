"""Publishing wheels into the output directory."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace
from wheel_builder import X86_64, build_wheel, elf

from matrix_runner.archives import archive_of
from matrix_runner.errors import ExitCode, OutputError, WheelConflict, WheelRejected
from matrix_runner.model.outcomes import WheelRecord
from matrix_runner.wheelhouse import Wheelhouse, receive
from matrix_runner.wheelhouse.inspection import WheelContents, inspect


def _wheel(directory: Path, name: str = X86_64, text: bytes = b"") -> tuple[Path, WheelContents]:
    """A wheel whose content depends on `text`."""
    directory.mkdir(exist_ok=True)
    wheel = build_wheel(directory, name, files={"demo/text": text, "demo.libs/libz-1.so": elf()})
    return wheel, inspect(wheel)


def _open(tmp_path: Path, *, overwrite: bool = False) -> Wheelhouse:
    return Wheelhouse(tmp_path / "out", overwrite=overwrite, staging=tmp_path / "staging")


def _names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_wheel_is_published_with_its_record(tmp_path: Path) -> None:
    """The file arrives byte for byte, with a record of size, hash and grafted libraries; nothing else is left."""
    wheel, contents = _wheel(tmp_path / "in")
    with _open(tmp_path) as house:
        record = house.publish(wheel, contents)
        assert house.published() == (record,)
    data = (tmp_path / "out" / X86_64).read_bytes()
    assert data == wheel.read_bytes()
    digest = sha256(data).hexdigest()
    assert replace(record, largest=()) == WheelRecord(
        name=X86_64, size=len(data), sha256=digest, grafted=("libz-1.so",)
    )
    assert {each.path for each in record.largest} >= {"demo/text", "demo.libs/libz-1.so"}
    assert _names(tmp_path / "out") == {X86_64}


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_the_umask_decides_who_may_read(tmp_path: Path, umask: int) -> None:
    """A published file has the permissions that any file of the caller would have, not a temporary file's."""
    wheel, contents = _wheel(tmp_path / "in")
    before = os.umask(umask)
    try:
        with _open(tmp_path) as house:
            received = receive(archive_of(wheel, wheel.name), house.staging_directory("cell"))
            house.publish(received, contents)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()}
    assert modes == {0o666 & ~umask}


def test_a_wheel_is_not_written_twice(tmp_path: Path) -> None:
    """Where staging and output directory are on one file system, the file itself gets its name; staging lets go."""
    wheel, contents = _wheel(tmp_path / "in")
    with _open(tmp_path) as house:
        received = receive(archive_of(wheel, wheel.name), house.staging_directory("cell"))
        inode = received.stat().st_ino
        house.publish(received, contents)
    published = (tmp_path / "out" / wheel.name).stat()
    assert (published.st_ino, published.st_nlink) == (inode, 1)


def test_an_identical_file_is_kept(tmp_path: Path) -> None:
    """A second run that builds the same bytes does not touch the file."""
    wheel, contents = _wheel(tmp_path / "in")
    with _open(tmp_path) as house:
        house.publish(wheel, contents)
    before = (tmp_path / "out" / X86_64).stat()
    with _open(tmp_path) as house:
        assert house.publish(wheel, contents).sha256 == contents.sha256
    after = (tmp_path / "out" / X86_64).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_different_file_is_refused_and_kept(tmp_path: Path) -> None:
    """A wheel of an earlier run is never lost without --overwrite, which the hint names."""
    old, old_contents = _wheel(tmp_path / "a", text=b"old")
    new, new_contents = _wheel(tmp_path / "b", text=b"new")
    with _open(tmp_path) as house:
        house.publish(old, old_contents)
    with _open(tmp_path) as house:
        with pytest.raises(
            WheelConflict, match=r"differs from it in demo/text \(line 1: 'new' in place of 'old'\)"
        ) as caught:
            house.publish(new, new_contents)
        assert house.published() == ()
    assert caught.value.exit_code is ExitCode.CELL_FAILED
    assert "--overwrite" in (caught.value.hint or "")
    assert (tmp_path / "out" / X86_64).read_bytes() == old.read_bytes()


def test_a_different_file_is_replaced_on_request(tmp_path: Path) -> None:
    """With overwrite the new wheel takes the old one's place."""
    old, old_contents = _wheel(tmp_path / "a", text=b"old")
    new, new_contents = _wheel(tmp_path / "b", text=b"new")
    with _open(tmp_path) as house:
        house.publish(old, old_contents)
    with _open(tmp_path, overwrite=True) as house:
        house.publish(new, new_contents)
    assert (tmp_path / "out" / X86_64).read_bytes() == new.read_bytes()


@pytest.mark.parametrize("overwrite", [True, False])
def test_of_two_cells_with_one_name_the_first_stays(tmp_path: Path, *, overwrite: bool) -> None:
    """The same bytes are published once; others are refused, even with overwrite: the first was tested already."""
    first, first_contents = _wheel(tmp_path / "a", text=b"first")
    same, same_contents = _wheel(tmp_path / "c", text=b"first")
    second, second_contents = _wheel(tmp_path / "b", text=b"second")
    with _open(tmp_path, overwrite=overwrite) as house:
        record = house.publish(first, first_contents)
        assert house.publish(same, same_contents) == record
        with pytest.raises(WheelRejected, match="another cell of this run"):
            house.publish(second, second_contents)
    assert (tmp_path / "out" / X86_64).read_bytes() == first.read_bytes()


def test_threads_may_publish_at_once(tmp_path: Path) -> None:
    """Workers need not take turns: every wheel arrives whole."""
    wheels = [_wheel(tmp_path / "in", X86_64.replace("1.0", f"1.{number}")) for number in range(8)]
    with _open(tmp_path) as house, ThreadPoolExecutor(8) as pool:
        records = list(pool.map(lambda pair: house.publish(*pair), wheels))
        assert house.published() == tuple(sorted(records, key=lambda record: record.name))
    for wheel, contents in wheels:
        assert (tmp_path / "out" / contents.filename).read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_directory_under_the_wheels_name_is_left_alone(tmp_path: Path, *, overwrite: bool) -> None:
    """What is no file is never replaced by one."""
    wheel, contents = _wheel(tmp_path / "in")
    (tmp_path / "out" / X86_64).mkdir(parents=True)
    with _open(tmp_path, overwrite=overwrite) as house, pytest.raises(OutputError, match="no regular file"):
        house.publish(wheel, contents)


def test_a_link_under_the_wheels_name_is_not_followed(tmp_path: Path) -> None:
    """Overwriting replaces a symbolic link, not what it points to; without overwrite it stays."""
    wheel, contents = _wheel(tmp_path / "in")
    (tmp_path / "out").mkdir()
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "out" / X86_64).symlink_to(tmp_path / "precious")
    with _open(tmp_path) as house, pytest.raises(OutputError, match="no regular file"):
        house.publish(wheel, contents)
    with _open(tmp_path, overwrite=True) as house:
        house.publish(wheel, contents)
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "out" / X86_64).is_symlink()


def test_a_wheel_that_changed_since_is_not_published(tmp_path: Path) -> None:
    """What is published is what was verified, or nothing is."""
    wheel, contents = _wheel(tmp_path / "in")
    with wheel.open("ab") as file:
        file.write(b"!")
    with _open(tmp_path) as house, pytest.raises(WheelRejected, match="changed after it was verified"):
        house.publish(wheel, contents)
    assert _names(tmp_path / "out") == set()


def test_a_wheel_that_is_gone_is_an_output_error(tmp_path: Path) -> None:
    """A staging file that vanished is said so, and nothing appears."""
    wheel, contents = _wheel(tmp_path / "in")
    wheel.unlink()
    with _open(tmp_path) as house, pytest.raises(OutputError, match="No such file"):
        house.publish(wheel, contents)
    assert _names(tmp_path / "out") == set()


def test_nothing_is_written_before_or_after(tmp_path: Path) -> None:
    """Making the object touches no disk, and using it unopened is a bug that shows itself."""
    wheel, contents = _wheel(tmp_path / "in")
    house = _open(tmp_path)
    assert not (tmp_path / "out").exists()
    with pytest.raises(RuntimeError, match="not open"):
        house.publish(wheel, contents)
    with house:
        pass
    with pytest.raises(RuntimeError, match="not open"):
        house.publish(wheel, contents)


def test_the_directory_is_found_through_a_link(tmp_path: Path) -> None:
    """A symbolic link is followed once, at the start, and the real directory reported."""
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    wheel, contents = _wheel(tmp_path / "in")
    with Wheelhouse(link, overwrite=False, staging=tmp_path / "staging") as house:
        link.unlink()
        house.publish(wheel, contents)
        assert house.directory == (tmp_path / "real").resolve()
    assert _names(tmp_path / "real") == {X86_64}


def test_a_dangling_link_is_refused(tmp_path: Path) -> None:
    """Where the wheels would go is not guessed: the missing directory is named, and not made."""
    (tmp_path / "out").symlink_to(tmp_path / "gone")
    with pytest.raises(OutputError, match="gone, which is not there"), _open(tmp_path):
        pass
    assert not (tmp_path / "gone").exists()


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    """A loop of links is an answer, not a traceback."""
    (tmp_path / "out").symlink_to(tmp_path / "out")
    with pytest.raises(OutputError), _open(tmp_path):
        pass


def test_a_file_in_the_directorys_place_is_refused(tmp_path: Path) -> None:
    """An output directory that is a file is named, before anything is built."""
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="cannot be used") as caught, _open(tmp_path):
        pass
    assert "--output-dir" in (caught.value.hint or "")


def test_each_cell_gets_an_empty_room(tmp_path: Path) -> None:
    """What an earlier build left in a cell's staging directory is not taken for this one's."""
    with _open(tmp_path) as house:
        (house.staging_directory("cp311-manylinux_x86_64") / "old.whl").write_text("old")
        room = house.staging_directory("cp311-manylinux_x86_64")
        assert list(room.iterdir()) == []
        assert house.staging_directory("cp311-manylinux_i686") != room


def test_contents_of_another_file_do_not_pass(tmp_path: Path) -> None:
    """A file is only published with its own contents."""
    wheel, contents = _wheel(tmp_path / "in")
    other = replace(contents, sha256="0" * 64)
    with _open(tmp_path) as house, pytest.raises(WheelRejected):
        house.publish(wheel, other)


def test_a_published_wheels_room_is_passed_on(tmp_path: Path) -> None:
    """A run of thousands of cells does not leave a directory and a second copy of the wheel for each until its end."""
    with _open(tmp_path) as house:
        first = house.staging_directory("cp311-manylinux_x86_64")
        wheel, contents = _wheel(first)
        house.publish(wheel, contents)
        assert list(first.iterdir()) == []
        second = house.staging_directory("cp311-manylinux_i686")
        assert not first.exists()
        assert list(second.iterdir()) == []
        assert _names(tmp_path / "staging") == {second.name}


def test_what_could_not_be_published_keeps_its_room(tmp_path: Path) -> None:
    """The error says that the finished wheel is still there, so no other cell may get the directory."""
    with _open(tmp_path) as house:
        (tmp_path / "out" / X86_64).write_text("another")
        room = house.staging_directory("cp311-manylinux_x86_64")
        wheel, contents = _wheel(room)
        with pytest.raises(WheelConflict):
            house.publish(wheel, contents)
        house.staging_directory("cp311-manylinux_i686")
        assert wheel.exists()
