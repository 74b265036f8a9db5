"""Rows 1 to 12: configuration and project. Nothing is started for a mistake in the configuration."""

import os
import socket
import threading
import time

import pytest
from fault_trial import Trial
from stub_project import BARE

NOBODY = 65534


def mistake(trial: Trial, content: bytes, says: str) -> None:
    """Build with this pyproject.toml, which has a mistake: nothing is started."""
    project = trial.project()
    (project / "pyproject.toml").write_bytes(content)
    trial.check(trial.build(project), code=2, says=says, wheels=0)
    assert not trial.output.exists()


@pytest.mark.row(1)
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("skip = ", 'pyproject.toml:10:8: Invalid value: "skip ="'),
        ('skip = "a"\nskip = "b"', 'pyproject.toml:11:11: Cannot overwrite a value: "skip = "b""'),
    ],
)
def test_no_toml(trial: Trial, line: str, says: str) -> None:
    """The place and the line."""
    mistake(trial, (BARE + line).encode(), says)


@pytest.mark.row(2)
def test_a_misspelt_option(trial: Trial) -> None:
    """The nearest one is proposed."""
    says = 'pyproject.toml:10: tool.matrix-runner.befor-all: unknown option (did you mean "before-all"?)'
    mistake(trial, (BARE + 'befor-all = "make"').encode(), says)


@pytest.mark.row(3)
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('jobs = "many"', 'tool.matrix-runner.jobs: expected an integer from 0 to 1000, got the string "many"'),
        ('manylinux-x86_64-image = ""', "tool.matrix-runner.manylinux-x86_64-image: must not be empty"),
    ],
)
def test_a_wrong_value(trial: Trial, line: str, says: str) -> None:
    """The key, what is wanted, what is there."""
    mistake(trial, (BARE + line).encode(), says)


@pytest.mark.row(4)
def test_no_utf_8(trial: Trial) -> None:
    """The byte and its place."""
    mistake(trial, BARE.encode() + b'x = "\xff"', "pyproject.toml: not UTF-8: byte 0xff at offset 141")


@pytest.mark.row(4)
def test_a_byte_order_mark(trial: Trial) -> None:
    """Is named before a build backend stumbles over it."""
    mistake(trial, b"\xef\xbb\xbf" + BARE.encode(), "pyproject.toml: begins with a byte order mark")


@pytest.mark.row(5)
def test_a_directory(trial: Trial) -> None:
    """In place of pyproject.toml."""
    project = trial.project()
    (project / "pyproject.toml").unlink()
    (project / "pyproject.toml").mkdir()
    trial.check(trial.build(project), code=2, says="pyproject.toml: cannot be read: it is a directory", wheels=0)


@pytest.mark.row(5)
def test_too_large(trial: Trial) -> None:
    """A file of 100 MB is not read."""
    project = trial.project()
    os.truncate(project / "pyproject.toml", 100_000_000)
    says = "pyproject.toml: larger than 1 MiB, so not a configuration"
    trial.check(trial.build(project), code=2, says=says, wheels=0)


@pytest.mark.row(5)
def test_unreadable(trial: Trial) -> None:
    """For the user that builds."""
    project = trial.project()
    (project / "pyproject.toml").chmod(0)
    with trial.user(NOBODY) as prefix:
        ended = trial.build(project, prefix=prefix, variables={"HOME": str(trial.place)})
    trial.check(ended, code=2, says="pyproject.toml: cannot be read: permission denied", wheels=0)


@pytest.mark.row(6)
def test_no_cell(trial: Trial) -> None:
    """The nearest are named."""
    says = "matches no known identifier; did you mean cp315-manylinux_x86_64?"
    ended = trial.build(trial.project(), only="cp31-manylinux_x86_64")
    trial.check(ended, code=3, says=says, wheels=0)


@pytest.mark.row(7)
@pytest.mark.parametrize("name", ["with space", "quo'te\"s", "new\nline", "$(touch x);&", "-dash"])
def test_an_odd_path(trial: Trial, name: str) -> None:
    """Builds, and so does the output directory in it."""
    trial.check(trial.build(trial.project(name=name)), code=0, wheels=1)


@pytest.mark.row(8)
def test_links(trial: Trial) -> None:
    """A circle, a link upwards, one to a file of the machine."""
    project = trial.project()
    (project / "one").symlink_to("other")
    (project / "other").symlink_to("one")
    (project / "up").symlink_to("..")
    (project / "passwd").symlink_to("/etc/passwd")
    says = "passwd links to /etc/passwd, outside the project: the container will not have it"
    ended = trial.check(trial.build(project), code=0, says=says, wheels=1)
    assert "up links to .., outside the project" in ended.output


@pytest.mark.row(9)
def test_what_is_no_file(trial: Trial) -> None:
    """A FIFO without a writer would be waited for as long as it is open."""
    project = trial.project()
    os.mkfifo(project / "fifo")
    os.mknod(project / "device", 0o600 | 0o020000, os.makedev(1, 3))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(project / "socket"))
        ended = trial.check(trial.build(project), code=0, says="fifo is no file, directory or link: left out", wheels=1)
    for name in ("device", "socket"):
        assert f"{name} is no file, directory or link: left out" in ended.output


@pytest.mark.row(10)
def test_a_large_file(trial: Trial) -> None:
    """With less memory than the file has bytes."""
    project = trial.project()
    with (project / "large").open("wb") as file:
        file.truncate(600 << 20)
    ended = trial.build(project, prefix=("prlimit", "--data=500000000"))
    says = 'large (600.0 MiB) is copied into each cell; source-exclude = ["/large"] keeps it out'
    trial.check(ended, code=0, says=says, wheels=1)


@pytest.mark.row(11)
def test_a_file_that_changes(trial: Trial) -> None:
    """Files that shrink while they are read; once is bad luck."""
    project = trial.project()
    # At any time half of them are large, and it takes longer to read a large one than it stays so.
    files = [project / f"growing-{number}" for number in range(24)]
    stop = threading.Event()

    def write() -> None:
        sizes = (30_000_000, 10)
        while not stop.is_set():
            for number, file in enumerate(files):
                os.truncate(file, sizes[number % 2])
            time.sleep(0.002)
            sizes = sizes[::-1]

    for file in files:
        file.touch()
    writer = threading.Thread(target=write)
    writer.start()
    try:
        ended = trial.build(project)
    finally:
        stop.set()
        writer.join()
    says = "a file changes while it is read: stop what writes there, or add it to .gitignore"
    trial.check(ended, code=4, says=says, wheels=0)
    trial.check(trial.build(project), code=0, wheels=1)


@pytest.mark.row(12)
@pytest.mark.parametrize("has_cache", [True, False])
def test_a_user_without_a_home(trial: Trial, *, has_cache: bool) -> None:
    """A number that passwd does not have, without HOME: as in a container of CI."""
    project = trial.project()
    variables = (
        {"XDG_CACHE_HOME": str(trial.place / "c"), "XDG_STATE_HOME": str(trial.place / "s")} if has_cache else {}
    )
    with trial.user(4242) as prefix:
        ended = trial.build(project, prefix=prefix, unset=("HOME",), variables=variables)
    if has_cache:
        trial.check(ended, code=0, wheels=1)
        assert {path.stat().st_uid for path in (trial.output, *ended.wheels)} == {4242}
    else:
        trial.check(ended, code=4, says="set HOME to a directory that can be written to", wheels=0)
