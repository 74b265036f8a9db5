"""Cells' answers become part of a lock: the others stay, and a file that was exchanged is refused."""

import pytest
from sample_locks import ONE, OTHER, TWO, answer, image, resolved, sha

from matrix_runner.errors import UsageError
from matrix_runner.locking.lock_changes import lock_changes
from matrix_runner.locking.lock_merge import merge, without_platforms
from matrix_runner.locking.lock_values import Group, Lock
from matrix_runner.model.cells import Cell

BUILD = Group.BUILD
FIRST = merge(
    Lock(),
    [answer(cell, {BUILD: (resolved("a"), resolved("b"))}) for cell in (ONE, TWO, OTHER)],
    upgraded=(),
    everything=False,
)


def pins(lock: Lock, cell: str) -> tuple[str, ...]:
    """Return the build requirements of a cell."""
    groups = lock.groups(Cell.parse(cell))
    assert groups is not None
    return groups[BUILD].pins


def test_cells_that_are_alike_share_an_environment() -> None:
    """And those that are not have their own; images are by architecture."""
    assert [tuple(map(str, each.cells)) for each in FIRST.environments] == [(ONE, OTHER, TWO)]
    assert [each.arch for each in FIRST.images] == ["i686", "x86_64"]
    new = merge(FIRST, [answer(TWO, {BUILD: (resolved("a", "2"),)})], upgraded=(), everything=False)
    assert [tuple(map(str, each.cells)) for each in new.environments] == [(ONE, OTHER), (TWO,)]
    assert (pins(new, ONE), pins(new, TWO)) == (("a==1", "b==1"), ("a==2",))
    assert [each.pin for each in new.packages] == ["a==1", "a==2", "b==1"]


def test_what_nobody_uses_any_more_is_gone() -> None:
    """A version that no cell has, and a file of the cells that were resolved anew."""
    new = merge(
        FIRST,
        [answer(cell, {BUILD: (resolved("a", tag="x"),)}) for cell in (ONE, TWO, OTHER)],
        upgraded=(),
        everything=False,
    )
    assert [(each.pin, [file.name for file in each.files]) for each in new.packages] == [
        ("a==1", ["a-1-py3-none-x.whl"])
    ]


def test_files_of_several_platforms_stand_together() -> None:
    """Each cell adds the file that it uses; a cell that stays keeps its own."""
    new = merge(FIRST, [answer(TWO, {BUILD: (resolved("a", tag="x"),)})], upgraded=(), everything=False)
    package = new.package("a==1")
    assert package is not None
    assert [file.name for file in package.files] == ["a-1-py3-none-any.whl", "a-1-py3-none-x.whl"]


def test_cells_that_a_project_does_not_build_any_more_go() -> None:
    """Of the platforms of the plan; those that other machines build stay, with their images."""
    rest = without_platforms(FIRST, {Cell.parse(ONE).platform})
    assert [tuple(map(str, each.cells)) for each in rest.environments] == [(OTHER,)]
    assert [each.arch for each in rest.images] == ["i686"]
    new = merge(rest, [answer(ONE, {BUILD: (resolved("c"),)})], upgraded=(), everything=False)
    assert [tuple(map(str, each.cells)) for each in new.environments] == [(ONE,), (OTHER,)]
    assert [each.pin for each in new.packages] == ["a==1", "b==1", "c==1"]
    assert without_platforms(FIRST, ()) == FIRST


def test_an_exchanged_file_is_refused() -> None:
    """With its name and both hashes, and the command that takes it if it is meant."""
    exchanged = [answer(ONE, {BUILD: (resolved("a", seed="evil"), resolved("b"))})]
    with pytest.raises(UsageError) as told:
        merge(FIRST, exchanged, upgraded=("b",), everything=False)
    assert "a 1: the index has another file a-1-py3-none-any.whl" in told.value.message
    assert sha("evil") in told.value.message
    assert sha("a-1-py3-none-any.whl") in told.value.message
    assert "--upgrade-package a" in (told.value.hint or "")
    for upgraded, everything in ((("a",), False), ((), True)):
        package = merge(FIRST, exchanged, upgraded=upgraded, everything=everything).package("a==1")
        assert package is not None
        assert {file.sha256 for file in package.files} == {sha("evil")}


def test_changes_are_told() -> None:
    """Versions, hashes, images and cells, each in a line; nothing where nothing has changed."""
    assert lock_changes(FIRST, FIRST) == ()
    one = answer(ONE, {BUILD: (resolved("a", seed="evil"), resolved("c"))})
    new = merge(FIRST, [one, answer("cp39-manylinux_i686", {})], upgraded=(), everything=True)
    assert lock_changes(FIRST, new) == (
        "a: another hash of a-1-py3-none-any.whl",
        "c: none -> 1",
        "cells that are new: cp39-manylinux_i686",
    )
    assert lock_changes(new, Lock())[-1].startswith("cells that are gone: ")
    assert lock_changes(Lock(images=(image("i686"),)), Lock(images=(image("i686", "new"),)))[0].startswith(
        "image registry/image:1 i686: sha256:"
    )
