"""Wheels in clean images of other distributions (`test-on`): what passes there, what fails, and by which Python."""

from pathlib import Path
from typing import cast

import pytest
from image_source import OWN
from runner_process import JSON, Ended, leftovers, run_build
from sample_projects import GIFT_MODULE, extension_project, linked_project, write_project

pytestmark = [pytest.mark.own_images, pytest.mark.network]

RELEASES = ("debian:bullseye", "debian:bookworm", "debian:trixie")
TEST_ON = f"test-on = [{', '.join(f'{name!r}' for name in RELEASES)}]\n"
NEW, OLD, NARROW = "cp313-manylinux_x86_64", "cp311-manylinux_x86_64", "cp311-manylinux_i686"


def with_settings(files: dict[str, str], *settings: str) -> dict[str, str]:
    """Return a project with further lines of `[tool.matrix-runner]`."""
    return {**files, "pyproject.toml": files["pyproject.toml"] + "".join(settings)}


def rungs(ended: Ended, cell: str) -> dict[str, JSON]:
    """Return what became of a cell's wheel on each system."""
    return {str(rung["name"]): rung for rung in cast("list[JSON]", ended.cells[cell]["rungs"])}


def test_a_repaired_wheel_passes_on_every_release(tmp_path: Path) -> None:
    """In both widths; by the distribution's Python where the wheel is for it, else by the cell's, which is brought."""
    project = write_project(tmp_path / "project", with_settings(linked_project(), TEST_ON))
    ended = run_build(project, tmp_path / "out", *OWN.only(NEW, NARROW))
    assert ended.code == 0, ended.output
    for cell in (NEW, NARROW):
        found = rungs(ended, cell)
        assert {name: rung["status"] for name, rung in found.items()} == dict.fromkeys(RELEASES, "passed")
        assert [rung["libc"] for rung in found.values()] == ["glibc 2.31", "glibc 2.36", "glibc 2.41"]
    tested = {(cell, name): str(rungs(ended, cell)[name]["python"]) for cell in (NEW, NARROW) for name in RELEASES}
    own = {pair for pair, python in tested.items() if python.endswith("of the distribution")}
    assert own == {(NEW, "debian:trixie"), (NARROW, "debian:bookworm")}
    assert "Debian GNU/Linux 13 (trixie), glibc 2.41" in ended.output
    log = (ended.report_directory / "logs" / f"{NEW}.log").read_text("utf-8")
    assert "=== test-on: debian:bullseye: test: " in log


def test_a_library_that_only_the_build_has_is_found_out(tmp_path: Path) -> None:
    """The wheel passes where it was built. Its own test cannot see it; the message names library and system."""
    repair = 'repair-wheel-command = "auditwheel repair --exclude libgift.so.1 -w {dest_dir} {wheel}"\n'
    project = write_project(tmp_path / "project", with_settings(linked_project(), TEST_ON, repair))
    ended = run_build(project, tmp_path / "out", *OWN.only(OLD, NARROW))
    assert ended.code == 1, ended.output
    for cell in (OLD, NARROW):
        failure = cast("JSON", ended.cells[cell]["failure"])
        assert failure["step"] == "test-on"
        assert "on debian:bullseye (Debian GNU/Linux 11 (bullseye), glibc 2.31): " in str(failure["message"])
        assert "libgift.so.1 is not found" in str(failure["message"])
        assert str(failure["message"]).endswith("it failed on debian:bookworm, debian:trixie too")
        assert "let repair graft it" in str(failure["hint"])
        assert {rung["status"] for rung in rungs(ended, cell).values()} == {"failed"}
    assert not ended.wheels
    assert not leftovers(str(ended.report["run"]))


def test_a_wheel_that_was_only_copied_fails_too(tmp_path: Path) -> None:
    """Its tag promises nothing, so that it is tried everywhere."""
    copied = 'repair-wheel-command = "cp {wheel} {dest_dir}"\naccept = ["unrepaired"]\n'
    project = write_project(
        tmp_path / "project", with_settings(linked_project(), 'test-on = "debian:trixie"\n', copied)
    )
    ended = run_build(project, tmp_path / "out", *OWN.only(OLD))
    assert ended.code == 1, ended.output
    assert "libgift.so.1" in str(rungs(ended, OLD)["debian:trixie"]["reason"])


def test_libraries_of_the_brought_interpreter_do_not_serve_a_wheel(tmp_path: Path) -> None:
    """It has libffi in memory, of the version that the wheel lacks on newer systems: there it is still not found."""
    files = with_settings(
        extension_project(),
        "test-on = ['debian:bullseye', 'debian:trixie']\n",
        'repair-wheel-command = "auditwheel repair --exclude libffi.so.7 -w {dest_dir} {wheel}"\n',
        """test-command = "python -c 'import ctypes, answer; assert answer.answer() == 42'"\n""",
    )
    files["setup.py"] = files["setup.py"].replace("])]", '], libraries=["ffi"])]')
    gift = "int ffi_closure_alloc(); void *kept = ffi_closure_alloc; int gift(void) { return kept ? 42 : 0; }\n"
    files["answer.c"] = GIFT_MODULE + gift
    ended = run_build(write_project(tmp_path / "project", files), tmp_path / "out", *OWN.only(OLD))
    found = rungs(ended, OLD)
    assert {name: rung["status"] for name, rung in found.items()} == {
        "debian:bullseye": "passed",
        "debian:trixie": "failed",
    }, ended.output
    assert str(found["debian:trixie"]["python"]).endswith("of the cell")
    assert "libffi.so.7" in str(found["debian:trixie"]["reason"])


def test_sandbox_and_network_hold_on_a_rung(tmp_path: Path) -> None:
    """The user of a strict sandbox tests there too, without a network, with what was fetched beside it."""
    settings = """sandbox = "strict"
network = "build-requires"
test-requires = ["pytest"]
test-command = "pytest -q {project}/test_rights.py"
test-on = ["debian:bookworm", "debian:trixie"]
"""
    test = """import os, pytest, socket, answer
def test_rights():
    assert answer.answer() == 42
    assert os.getuid() == 1000
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
"""
    files = extension_project(settings=settings, **{"test_rights.py": test})
    ended = run_build(write_project(tmp_path / "project", files), tmp_path / "out", *OWN.only(NEW))
    assert ended.code == 0, ended.output
    assert [rung["status"] for rung in rungs(ended, NEW).values()] == ["passed", "passed"]
    assert not leftovers(str(ended.report["run"]))
