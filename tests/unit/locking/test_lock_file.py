"""The file of a lock: the same text for the same lock, a text that reads back, and plain words for a damaged one."""

import pytest
from sample_locks import ONE, OTHER, TWO, answer, resolved

from matrix_runner.errors import ConfigError
from matrix_runner.locking.lock_file import read_lock, write_lock
from matrix_runner.locking.lock_merge import merge
from matrix_runner.locking.lock_values import Group, Lock
from matrix_runner.model.cells import Cell

LOCK = merge(
    Lock(),
    [
        answer(TWO, {Group.BUILD: (resolved("setuptools", "80.9.0"), resolved("numpy", "2.1", tag="x86_64"))}),
        answer(ONE, {Group.BUILD: (resolved("setuptools", "80.9.0"), resolved("numpy", "2.1", tag="x86_64"))}),
        answer(OTHER, {Group.BUILD: (resolved("setuptools", "80.9.0"),), Group.TEST: (resolved("old"),)}),
    ],
    upgraded=(),
    everything=False,
)
TEXT = write_lock(LOCK)


def test_it_reads_back() -> None:
    """Nothing is lost, and what is written again is the same."""
    assert read_lock(TEXT) == LOCK
    assert write_lock(read_lock(TEXT)) == TEXT
    assert read_lock(write_lock(Lock())) == Lock()


def test_it_can_be_read_by_people() -> None:
    """A line is about one thing; cells with the same set share it; packages are as in pylock.toml."""
    lines = TEXT.splitlines()
    assert lines[2] == "version = 1"
    at = lines.index(f'    "{ONE}",')
    assert lines[at - 1 : at + 3] == ["cells = [", f'    "{ONE}",', f'    "{TWO}",', "]"]
    names = [line for line in lines if line.startswith("name = ")]
    assert names[2:] == sorted(names[2:])
    assert max(map(len, lines)) < 200
    assert any(line.startswith('    { name = "old-1-py3-none-any.whl", hashes = { sha256 = "') for line in lines)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("version = 1\n", "version = 2\n", "its format has version 2; this release reads 1"),
        ("version = 1\n", "", "its format has version None"),
        ("version = 1\n", "version = 1\nmode = 'x'\n", "unknown field `mode`"),
        ("version = 1\n", "version = 1\n<<<<<<< HEAD\n", "line 4"),
        ('"setuptools==80.9.0"', '"setuptools==81"', "environments: build: there is no package setuptools==81"),
        ('name = "setuptools"', 'name = "Set_uptools"', "'Set_uptools' is no normalised name"),
        ('version = "80.9.0"', 'version = "80 --extra-index-url=http://x"', "is no version"),
        ("setuptools-80.9.0-py3", "../setuptools-80.9.0-py3", "is no wheel with a sha256"),
        ("setuptools-80.9.0-py3-none-any.whl", "setuptools-80.9.0.tar.gz", "is no wheel with a sha256"),
        ("hashes = { sha256", "hashes = { md5", "is no wheel with a sha256"),
        ('digest = "sha256:', 'digest = "sha1:', "is no sha256 digest"),
        ('reference = "registry/image:1"', 'reference = "registry/image@sha256:0"', "no reference without a digest"),
        (f'"{TWO}"', f'"{ONE}"', f"{ONE} is there twice"),
        (f'"{TWO}"', '"cp99"', "cp99"),
        ("packages = [", "packages = [ 7,", "Expected `str`, got `int`"),
        ("[[packages]]", "[packages]", ""),
    ],
)
def test_a_damaged_one_is_told(before: str, after: str, said: str) -> None:
    """Of each damage: the file, what is wrong, and what to do."""
    assert before in TEXT
    with pytest.raises(ConfigError) as told:
        read_lock(TEXT.replace(before, after, 1), "there/matrix-runner.lock")
    assert told.value.message.startswith("there/matrix-runner.lock: ")
    assert said in told.value.message
    assert "runner lock" in (told.value.hint or "")


def test_cells_and_packages_are_found() -> None:
    """By identifier, and by requirement; nothing for others."""
    assert LOCK.groups(Cell.parse("cp39-manylinux_i686")) is None
    assert LOCK.package("numpy==3") is None
    assert set(LOCK.groups(Cell.parse(OTHER)) or ()) == {Group.BUILD, Group.TEST}
