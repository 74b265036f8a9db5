"""Checks of a finished wheel in real cells: tags, code for other machines, and libraries that no path leads to."""

import json
import subprocess
from pathlib import Path

from image_source import ImageSource
from runner_process import run_build, runner_argv, runner_environ
from sample_projects import Files, extension_project, write_project

CELL = "cp311-manylinux_x86_64"

SETUP = """
import os, struct, subprocess
from setuptools import Extension, setup
os.makedirs("build/out", exist_ok=True)
os.makedirs("build/lib", exist_ok=True)
os.makedirs("src/kit/data", exist_ok=True)
run = subprocess.check_call
library = ["gcc", "-shared", "-fPIC", "-Wl,-soname,libgreet.so.3"]
run([*library, "-o", "build/out/libgreet.so.3", "greet.c"])
run(["gcc", "-o", "build/out/lost", "main.c", "build/out/libgreet.so.3"])
run([*library, "-Wl,-soname,libkept.so.1", "-o", "build/lib/libkept.so.1", "greet.c"])
run(["gcc", "-o", "build/out/found", "main.c", "build/lib/libkept.so.1", "-Wl,-rpath,$ORIGIN/../lib"])
def elf(machine, kind):
    head = bytes([127]) + b"ELF" + bytes([2, 1, 1, 0]) + bytes(8)
    return head + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0, 0, 0, 0, 64, 0, 0, 64, 0, 0)
for name, machine, kind in (("count.bpf.o", 247, 1), ("kernel.cubin", 190, 2), ("agent.so", 183, 3)):
    with open("src/kit/data/" + name, "wb") as file:
        file.write(elf(machine, kind))
setup(
    packages=["kit"], package_dir={"": "src"}, package_data={"kit": ["data/*"]},
    ext_modules=[Extension("kit._fast", ["fast.c"])],
    data_files=[("bin", ["build/out/lost", "build/out/found"]), ("lib", ["build/lib/libkept.so.1"])],
)
"""

SETTINGS = """
environment = { AUDITWHEEL_LD_LIBRARY_PATH = "$PWD/build/out:$PWD/build/lib" }
test-command = "python -c 'import kit._fast' && found && ! lost"
"""


def project(directory: Path) -> Path:
    """Write a project with a forced tag, an extension of glibc 2.27, two programs with a library each, and ELF data."""
    files: Files = {
        **extension_project("kit", settings=SETTINGS),
        "setup.py": SETUP,
        "setup.cfg": "[bdist_wheel]\nplat-name = manylinux1_x86_64\n",
        "src/kit/__init__.py": "",
        "greet.c": "int greet(void) { return 0; }\n",
        "main.c": "int greet(void);\nint main(void) { return greet(); }\n",
    }
    code = files.pop("kit.c").replace("PyInit_kit", "PyInit__fast")
    uses = '#include <sys/mman.h>\nint use(void) { return memfd_create("kit", 0); }\n'
    files["fast.c"] = "#define _GNU_SOURCE\n" + code + uses
    return write_project(directory, files)


def test_a_tag_that_the_code_does_not_keep_refuses_the_wheel(images: ImageSource, tmp_path: Path) -> None:
    """No test on this machine could show it. Accepted, the wheel is delivered, and what the test can show is a warning.

    Of the programs one finds its library and one does not: the cell's own test runs both, and says the same as the
    warning and as `inspect`. Object files of eBPF and kernels for GPUs are data, a library for ARM is not.
    """
    directory = project(tmp_path / "project")
    accepting = ("--accept", "foreign-elf:kit/data/*.so")
    refused = run_build(directory, tmp_path / "refused", *images.only(CELL), *accepting)
    assert refused.code == 5, refused.output
    failure = refused.cells[CELL]["failure"]
    assert isinstance(failure, dict)
    assert "manylinux1_x86_64 promises to work from glibc 2.5 on" in str(failure["message"])
    assert "GLIBC_2.27 of libc.so.6 (memfd_create), in kit/_fast." in str(failure["message"])
    assert 'accept = ["broken-promise"]' in str(failure["hint"])

    done = run_build(directory, tmp_path / "out", *images.only(CELL), *accepting, "--accept", "broken-promise")
    assert done.code == 0, done.output
    (wheel,) = done.wheels
    assert "needed by kit-1.0.data/data/bin/lost: no search path leads to kit.libs/libgreet-" in done.output
    assert "data/bin/found" not in done.output
    argv = runner_argv("inspect", "--json", wheel)
    shown = subprocess.run(argv, env=runner_environ(), check=True, stdout=subprocess.PIPE).stdout
    (seen,) = json.loads(shown)["wheels"]
    (platform,) = seen["platforms"]
    assert [each["file"] for each in platform["not_found"]] == ["kit-1.0.data/data/bin/lost"]
    assert seen["odd_files"] == ["kit/data/agent.so"]


def test_cibuildwheels_configuration_delivers_with_warnings(images: ImageSource, tmp_path: Path) -> None:
    """It has no such checks: the same wheel comes out, and what was found is said."""
    directory = project(tmp_path / "project")
    pyproject = directory / "pyproject.toml"
    pyproject.write_text(pyproject.read_text("utf-8").replace("tool.matrix-runner", "tool.cibuildwheel"), "utf-8")
    done = run_build(directory, tmp_path / "out", *images.only(CELL))
    assert done.code == 0, done.output
    assert "manylinux1_x86_64" in done.wheels[0].name
    for words in ("promises to work from glibc 2.5", "code for another machine: kit/data/agent.so", "bin/lost"):
        assert words in done.output
