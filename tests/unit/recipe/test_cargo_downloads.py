"""What cargo downloads is shared by a project's cells: only that, and never on somebody's machine."""

import fcntl
import gzip
import os
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace
from planning import engine_with, job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.options.build_options import ENVIRONMENT
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.recipe.cargo_downloads import has_crates, share_downloads
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.step import Step

CELL = "cp311-manylinux_x86_64"
FETCHED = ("registry/cache", "registry/index", "git/db")
LOCKS = (".package-cache", ".package-cache-mutate")


class Machine:
    """A directory that is a container's root for cargo's purposes: a volume, and cells with a home each."""

    def __init__(self, directory: Path) -> None:
        """`directory`: an empty one."""
        self.directory = directory
        self.shared = directory / "matrix/downloads/cargo"
        (directory / "bin").mkdir()
        (directory / "bin/cargo").write_text("#!/bin/sh\n")
        (directory / "bin/cargo").chmod(0o755)
        # Tests may run on a disk of their own; here the root is the home's.
        (directory / "bin/stat").write_text("#!/bin/sh\necho 1\n")
        (directory / "bin/stat").chmod(0o755)

    def share(self, cell: str) -> Path:
        """Let a cell's cargo share; return its CARGO_HOME."""
        home = self.directory / cell / ".cargo"
        home.parent.mkdir(exist_ok=True)
        path = f"{self.directory}/bin:{os.environ['PATH']}"
        argv = share_downloads(Layout(root=str(self.directory)))
        subprocess.run(argv, check=True, env={"PATH": path, "HOME": str(home.parent)})
        return home


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_downloads_and_locks_are_in_the_volume_and_nothing_else(machine: Machine) -> None:
    """Each cell's cargo finds what was fetched by the others, and waits for them; the rest of its home is its own."""
    one, other = machine.share("a"), machine.share("b")
    for name in (*FETCHED, *LOCKS):
        assert (one / name).readlink() == (other / name).readlink() == machine.shared / name
    assert {str(path.relative_to(one)) for path in one.rglob("*")} == {*FETCHED, *LOCKS, "registry", "git"}


def test_what_a_home_has_already_stays(machine: Machine) -> None:
    """Programs, settings and what before-all has fetched are left as they are; the locks are the common ones."""
    home = machine.directory / "a/.cargo"
    for name in ("bin/cargo", "config.toml", "registry/cache/x/y.crate", ".package-cache"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("mine")
    machine.share("a")
    machine.share("a")
    assert {(home / name).read_text() for name in ("bin/cargo", "config.toml", "registry/cache/x/y.crate")} == {"mine"}
    assert not (home / "registry/cache").is_symlink()
    assert (home / "registry/index").is_symlink()
    assert (home / ".package-cache").readlink() == machine.shared / ".package-cache"


def test_half_a_crate_is_removed_before_anybody_takes_it_for_whole(machine: Machine) -> None:
    """A cell that is killed while cargo writes spoils no later one; nothing is judged while another cargo writes."""
    cache = machine.share("a").resolve() / "registry/cache"
    whole, half = cache / "whole.crate", cache / "half.crate"
    whole.write_bytes(gzip.compress(b"x" * 1000))
    half.write_bytes(gzip.compress(b"x" * 1000)[:-9])
    with (machine.shared / ".package-cache").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        machine.share("b")
        assert half.exists()
    machine.share("c")
    assert [path.name for path in cache.iterdir()] == ["whole.crate"]
    half.write_bytes(b"x")
    machine.share("d")
    assert [path.name for path in cache.iterdir()] == ["whole.crate"]


def test_a_place_without_cargo_is_left_alone(machine: Machine) -> None:
    """Where there is no cargo there is no home of it either."""
    (machine.directory / "bin/cargo").unlink()
    (machine.directory / "a").mkdir()
    argv = share_downloads(Layout(root=str(machine.directory)))
    env = {"PATH": str(machine.directory / "bin"), "HOME": str(machine.directory / "a")}
    subprocess.run(argv, check=True, executable="/bin/sh", env=env)
    assert list((machine.directory / "a").iterdir()) == []


def test_a_home_on_another_file_system_is_left_alone(machine: Machine) -> None:
    """What is mounted may be a directory of the user's machine: no link is planted there."""
    (machine.directory / "bin/stat").write_text('#!/bin/sh\necho "$3"\n')
    assert list(machine.share("a").iterdir()) == []


def sharing(steps: tuple[Step, ...]) -> list[Step]:
    """Return the steps that let cargo share."""
    return [step for step in steps if step.shown == "share what cargo downloads"]


@pytest.mark.parametrize(
    ("values", "has", "disposable", "expected"),
    [
        ({}, True, True, 1),
        ({}, False, True, 0),
        ({}, True, False, 0),
        ({ENVIRONMENT: (("CARGO_HOME", "/x"),)}, True, True, 0),
        (
            {CONTAINER_ENGINE: engine_with("--env=CARGO_HOME=/x")},
            True,
            True,
            0,
        ),
    ],
)
def test_a_build_shares_where_there_is_rust_and_nobody_decided_otherwise(
    values: dict[Option[object], object], *, has: bool, disposable: bool, expected: int
) -> None:
    """One step before the build, in containers only; none where the user says where cargo's home is."""
    recipe = recipe_for(job_for(CELL, catalog.load(), settings_with(values)), is_disposable=disposable)
    assert len(sharing(tuple(replace(recipe, has_crates=has).build()))) == expected


def test_rust_is_recognised_by_its_manifest() -> None:
    """Wherever in the project it is."""
    assert has_crates(("setup.py", "native/core/Cargo.toml"))
    assert not has_crates(("setup.py", "docs/Cargo.toml.txt", "notCargo.toml"))
