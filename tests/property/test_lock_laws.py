"""Laws of locks: what is written reads back, merging is repeatable, and damage is told."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sample_locks import answer, resolved, sha

from matrix_runner.errors import ConfigError, UsageError
from matrix_runner.locking.lock_file import read_lock, write_lock
from matrix_runner.locking.lock_merge import ResolvedCell, merge
from matrix_runner.locking.lock_values import Group, Lock, LockedFile

CELLS = tuple(
    f"{python}-{libc}_{arch}"
    for python in ("cp39", "cp311", "cp313t", "pp311")
    for libc in ("manylinux", "musllinux")
    for arch in ("x86_64", "i686")
)
WORDS = st.text(min_size=1, max_size=20)


@st.composite
def answers(draw: st.DrawFn) -> list[ResolvedCell]:
    """Draw what cells have resolved."""
    made = []
    for cell in draw(st.lists(st.sampled_from(CELLS), unique=True, max_size=6)):
        groups = {}
        for group in draw(st.lists(st.sampled_from(Group), unique=True)):
            names = draw(st.lists(st.sampled_from("abc"), unique=True))
            groups[group] = tuple(
                resolved(name, draw(st.sampled_from(("1", "2.0rc1"))), tag=draw(st.sampled_from("xy")))
                for name in names
            )
        made.append(answer(cell, groups, requires=tuple(draw(st.lists(WORDS, max_size=3)))))
    return made


@given(answers())
def test_what_is_written_reads_back(found: list[ResolvedCell]) -> None:
    """Whatever words a project uses in its requirements."""
    lock = merge(Lock(), found, upgraded=(), everything=False)
    assert read_lock(write_lock(lock)) == lock


@given(answers(), st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_count(found: list[ResolvedCell], chance: random.Random) -> None:
    """Nor does it matter if they come twice: cells run side by side, and a lock is made again and again."""
    once = merge(Lock(), found, upgraded=(), everything=False)
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert write_lock(merge(Lock(), shuffled, upgraded=(), everything=False)) == write_lock(once)
    assert merge(once, found, upgraded=(), everything=False) == once


@given(answers(), answers())
def test_cells_that_were_not_asked_stay(before: list[ResolvedCell], after: list[ResolvedCell]) -> None:
    """Versions and their files."""
    old = merge(Lock(), before, upgraded=(), everything=False)
    new = merge(old, after, upgraded=(), everything=False)
    asked = {each.cell for each in after}
    for each in before:
        if each.cell not in asked:
            assert new.groups(each.cell) == old.groups(each.cell)
            for group in (old.groups(each.cell) or {}).values():
                for pin in group.pins:
                    one, other = old.package(pin), new.package(pin)
                    assert one is not None
                    assert other is not None
                    assert set(one.files) <= set(other.files)


@given(answers(), st.data())
def test_damage_is_told_or_harmless(found: list[ResolvedCell], data: st.DataObject) -> None:
    """A file that was cut or changed anywhere is refused in words, or is a lock all the same: nothing else happens."""
    text = write_lock(merge(Lock(), found, upgraded=(), everything=False))
    at = data.draw(st.integers(0, len(text)))
    damaged = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 40)) :]
    try:
        lock = read_lock(damaged)
    except ConfigError as error:
        said = error.message
    else:
        said = "matrix-runner.lock: " if read_lock(write_lock(lock)) == lock else "it reads back otherwise"
    assert said.startswith("matrix-runner.lock: ")


@given(answers())
def test_an_exchanged_file_never_passes(found: list[ResolvedCell]) -> None:
    """Whichever cell and group it is in."""
    old = merge(Lock(), found, upgraded=(), everything=False)
    for each in found:
        for group, one in each.groups.items():
            for package in one.packages:
                file = LockedFile(name=package.file.name, sha256=sha("evil"))
                evil = answer(str(each.cell), {group: (replace(package, file=file),)})
                with pytest.raises(UsageError, match=package.file.sha256):
                    merge(old, [evil], upgraded=(), everything=False)
