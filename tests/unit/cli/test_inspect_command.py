"""`runner inspect`, as a person runs it: the verdict first, no line too wide, a bad wheel does not hide the others."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TypedDict, cast

import pytest
from elf_builder import SharedObject
from runner_process import runner_environ
from wheel_builder import I686, SUFFIX_X86_64, X86_64, build_wheel

from matrix_runner.model.platforms import Arch

MODULE = f"demo/_fast{SUFFIX_X86_64}"
BUILT = "demo-1.0-cp311-cp311-linux_x86_64.whl"
NEW = SharedObject(
    needed=("libc.so.6", "liblz4.so.1"),
    versions=(
        ("libc.so.6", (("GLIBC_2.34", ("dlopen", "dlsym")), ("GLIBC_2.14", ("memcpy",)))),
        ("libm.so.6", (("GLIBC_2.29", ("exp",)),)),
    ),
    runpath="$ORIGIN/../demo.libs",
)


class Json(TypedDict):
    """What `--json` prints, as far as it is looked at here."""

    version: int
    wheels: list[dict[str, object]]


def inspect(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `runner inspect`; what goes to a pipe is as wide as COLUMNS says."""
    argv = (sys.executable, "-m", "matrix_runner", "inspect", *map(str, arguments))
    env = runner_environ(**{"COLUMNS": "80", **variables})
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def wheel(directory: Path, filename: str = X86_64, module: SharedObject | None = None, **files: bytes) -> Path:
    """Write a wheel with this module; further files are named by their base name without suffix."""
    code = {f"demo/{name}.so": data for name, data in files.items()}
    built = SharedObject() if module is None else module
    return build_wheel(directory, filename, files={MODULE: built.build(), **code})


def paragraphs(text: str) -> str:
    """Return an output with its lines joined, so that a test does not depend on where they were broken."""
    return " ".join(text.split())


def test_the_verdict_comes_first(tmp_path: Path) -> None:
    """Name, then the C library and pip that are enough, then the distributions that have it."""
    done = inspect(wheel(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == X86_64
    assert lines[1].split("  ")[-1] == "glibc 2.17 or newer, x86_64, with pip 19.3 or newer"
    assert "Debian 8, Ubuntu 14.04, RHEL/CentOS/Oracle Linux 7" in paragraphs(done.stdout)


def test_what_holds_it_back_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Symbols, version, library and file; and where it would be without them. The rest is there on request."""
    path = wheel(tmp_path, BUILT, NEW)
    brief, whole = paragraphs(inspect(path).stdout), paragraphs(inspect("--verbose", path).stdout)
    assert "repaired it could be manylinux_2_34_x86_64" in brief
    assert (
        f"GLIBC_2.34 of libc.so.6 (dlopen, dlsym), in {MODULE} without this it would be manylinux_2_31_x86_64" in brief
    )
    assert f"missing liblz4.so.1, needed by {MODULE}: for repair to graft" in brief
    assert "GLIBC_2.29" not in brief
    assert f"GLIBC_2.29 of libm.so.6 (exp), in {MODULE} without this it would be manylinux_2_17_x86_64" in whole
    assert f"file {MODULE}: x86_64; needs libc.so.6, liblz4.so.1; RUNPATH $ORIGIN/../demo.libs" in whole


def test_a_tag_that_promises_too_much_is_called_so(tmp_path: Path) -> None:
    """The wheel would be installed where it cannot work: that is said, and from where on it does."""
    said = paragraphs(inspect(wheel(tmp_path, X86_64, NEW)).stdout)
    assert "works on glibc 2.34 or newer" in said
    assert "broken promise its tag lets it in from glibc 2.17 on" in said


@pytest.mark.parametrize(
    ("filename", "module", "words"),
    [
        ("demo-1.0-cp311-cp311-macosx_11_0_arm64.whl", None, "not for Linux its tags say macosx_11_0_arm64"),
        ("demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", None, "could be manylinux_2_5_x86_64"),
        ("demo-1.0-cp311-cp311-musllinux_1_2_x86_64.whl", SharedObject(needed=()), "from Alpine Linux 3.13 on"),
        ("demo-1.0-py3-none-any.whl", None, "says any platform, but there is machine code in it"),
        (BUILT, SharedObject(level=8), "fits no tag instructions of x86-64-v4"),
        (BUILT, SharedObject(needed=("libz.so.1",), plain=("_tr_init",)), "_tr_init of libz.so.1, which not every"),
        (BUILT, SharedObject(needed=("libpython3.11.so.1.0",)), "an extension must not link Python"),
        (BUILT, SharedObject(needed=("libc.musl-x86_64.so.1",)), "gets the tag of the musl that it was built with"),
    ],
)
def test_what_is_special_about_a_wheel(tmp_path: Path, filename: str, module: SharedObject | None, words: str) -> None:
    """Each kind of wheel has its own sentence."""
    assert words in paragraphs(inspect(wheel(tmp_path, filename, module)).stdout)


def test_a_pure_wheel_is_for_any_platform(tmp_path: Path) -> None:
    """It says so in its one line."""
    path = build_wheel(tmp_path, "demo-1.0-py3-none-any.whl", files={MODULE: None})
    assert paragraphs(inspect(path).stdout).endswith("installs on any platform: there is no machine code in it")


def test_odd_files_are_pointed_out(tmp_path: Path) -> None:
    """Code for another machine, and code that is cut short, each with its path."""
    path = wheel(tmp_path, other=SharedObject(arch=Arch.I686).build(), cut=SharedObject().build()[:100])
    said = paragraphs(inspect(path).stdout)
    assert "odd demo/other.so is for i686, which the wheel is not" in said
    assert "odd demo/cut.so is no whole ELF file" in said


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_nothing_is_wider_than_the_terminal(tmp_path: Path, columns: int) -> None:
    """But for the name of the wheel, which is one word to be copied."""
    path = wheel(tmp_path, BUILT, NEW)
    lines = inspect("--verbose", path, COLUMNS=str(columns)).stdout.splitlines()
    assert max(map(len, lines[1:])) <= columns
    assert lines[0] == BUILT


def test_colours_only_where_they_are_wanted(tmp_path: Path) -> None:
    """None in a pipe; on request, and then the text is the same."""
    path = wheel(tmp_path, BUILT, NEW)
    plain = inspect(path).stdout
    coloured = inspect(path, NO_COLOR="", FORCE_COLOR="1").stdout
    assert "\x1b" not in plain
    assert "\x1b[33m" in coloured
    assert len(coloured.splitlines()) == len(plain.splitlines())


def test_one_bad_wheel_among_others(tmp_path: Path) -> None:
    """The others are shown, each bad one has its sentence on standard error, and the exit code is 2."""
    bad = tmp_path / "bad-1.0-py3-none-any.whl"
    bad.write_text("no zip")
    text = tmp_path / "notes.txt"
    text.write_text("no wheel")
    done = inspect(bad, wheel(tmp_path), text, tmp_path / "gone-1.0-py3-none-any.whl", wheel(tmp_path, I686))
    assert done.returncode == 2
    assert [line for line in done.stdout.splitlines() if line.endswith(".whl")] == [X86_64, I686]
    for words in ("error: bad-1.0-py3-none-any.whl is not a zip archive", "'notes.txt'", "No such file or directory"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_no_wheel_is_a_mistake(tmp_path: Path) -> None:
    """A pattern that matched nothing is no success."""
    done = inspect()
    assert done.returncode == 2
    assert "WHEEL" in done.stderr
    assert not any(tmp_path.iterdir())


def test_names_in_a_wheel_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    """A library's name may be any bytes: control characters are shown, not sent."""
    done = inspect("-v", wheel(tmp_path, BUILT, SharedObject(needed=("lib\x1b]0;title\x07.so",))))
    assert "\x1b" not in done.stdout
    assert "lib\\u{1b}]0;title\\u{7}.so" in paragraphs(done.stdout)


def test_all_of_it_as_data(tmp_path: Path) -> None:
    """`--json` has every file, every version with its symbols, the ladder, the distributions; errors stay outside."""
    path = wheel(tmp_path, BUILT, NEW)
    done = inspect("--json", path, tmp_path / "gone-1.0-py3-none-any.whl")
    assert done.returncode == 2
    said = cast("Json", json.loads(done.stdout))
    assert said["version"] == 1
    (only,) = said["wheels"]
    assert (only["wheel"], only["platform_tags"]) == (BUILT, ["linux_x86_64"])
    (platform,) = cast("list[dict[str, object]]", only["platforms"])
    assert (platform["platform"], platform["policy"], platform["tagged"]) == ("manylinux_x86_64", None, None)
    ladder = cast("list[dict[str, object]]", platform["held_back"])
    assert [each["policy"] for each in ladder] == [
        None,
        "manylinux_2_34_x86_64",
        "manylinux_2_31_x86_64",
        "manylinux_2_17_x86_64",
    ]
    assert {"name": "Debian", "from": "12"} in cast("list[object]", platform["distributions"])
    (file,) = cast("list[dict[str, object]]", only["files"])
    assert file["requires"] == [
        {"library": "libc.so.6", "version": "GLIBC_2.34", "symbols": ["dlopen", "dlsym"]},
        {"library": "libc.so.6", "version": "GLIBC_2.14", "symbols": ["memcpy"]},
        {"library": "libm.so.6", "version": "GLIBC_2.29", "symbols": ["exp"]},
    ]


def test_output_that_nobody_takes_is_no_error(tmp_path: Path) -> None:
    """`runner inspect *.whl | head -1` ends well."""
    read, write = os.pipe()
    os.close(read)
    argv = (sys.executable, "-m", "matrix_runner", "inspect", str(wheel(tmp_path)))
    done = subprocess.run(argv, env=runner_environ(), stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")
