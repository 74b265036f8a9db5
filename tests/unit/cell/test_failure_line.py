"""The line of an output that is the cause where no rule knows it: what a tool said, not the frontend's epitaph."""

import pytest

from matrix_runner.cell.causes.command_cause import Surroundings, explain_output
from matrix_runner.model.outcomes import StepKind

COMPILER = """\
building 'c' extension
gcc -O3 -fPIC -c c.c -o c.o
c.c:1:9: error: expected expression before ';' token
    1 | int x = ;
      |         ^
c.c:7:1: error: unknown type name 'y'
error: Command '['gcc', '-O3', '-fPIC', '-c', 'c.c', '-o', 'c.o']' returned non-zero exit status 1.
"""
UV = """\
error: Failed to build `/project`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)

hint: Build failures usually indicate a problem with the package or the build environment
"""
OLDER_UV = """\
  \N{MULTIPLICATION SIGN} Failed to build `/project`
  ├─▶ The build backend returned an error
  ╰─▶ Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)
      hint: This usually indicates a problem with the package or the build environment.
"""
BUILD = """\

TIP pass --env-dir and --sdist-extract-dir to keep the build environment and sources
ERROR Backend subprocess exited when trying to invoke build_wheel
"""
PIP = """\
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
  ERROR: Failed building wheel for c
Failed to build c
ERROR: Failed to build one or more wheels
"""
FRONTENDS = (UV, OLDER_UV, BUILD, PIP)


def failure_line(output: bytes) -> str:
    """Return the cause of a build's failure."""
    return explain_output(output, StepKind.BUILD, 1, Surroundings()).cause


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_a_compilers_first_error_is_the_cause(frontend: str) -> None:
    """Whatever builds, the compiler's first complaint explains the failure; the rest follows from it."""
    output = (COMPILER + frontend).encode()
    assert failure_line(output) == "c.c:1:9: error: expected expression before ';' token"


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_a_backends_exception_is_the_cause(frontend: str) -> None:
    """Where no compiler complained it is the last thing that the backend itself said."""
    output = f"Traceback (most recent call last):\n  File 'x'\nRuntimeError: lz4.h is not there\n{frontend}".encode()
    assert failure_line(output) == "RuntimeError: lz4.h is not there"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("src/x.c:3:10: fatal error: lz4.h: No such file or directory", "lz4.h is not found, which src/x.c includes"),
        ("/usr/bin/ld: cannot find -llz4", "the linker finds no library lz4 (-llz4)"),
        ("c.c:(.text+0x5): undefined reference to `LZ4_compress'", "the linker finds no definition of LZ4_compress"),
    ],
)
def test_what_is_missing_is_named(line: str, what: str) -> None:
    """A missing header, library or symbol is what a user must read."""
    output = f"cc -c\n  {line}\ncollect2: error: ld returned 1 exit status\n{UV}".encode()
    assert failure_line(output) == what


def test_a_test_runners_last_line_is_the_cause() -> None:
    """Test runners sum up at the end; rulers and blank lines are passed over."""
    output = b"FAILED test_x.py::test - assert 1 == 2\n==== 1 failed in 0.1s ====\n-----\n\n"
    assert failure_line(output) == "1 test failed: test_x.py::test: assert 1 == 2"


def test_a_requirement_that_cannot_be_had_is_the_cause() -> None:
    """The last of uv's causes says it; what it was about to do says nothing."""
    causes = (
        "  cause: Failed to resolve requirements\n  cause: Hash-checking is required, but `setuptools` has no hash\n"
    )
    output = f"Building wheel...\nerror: Failed to build `/project`\n{causes}"
    assert failure_line(output.encode()) == "cause: Hash-checking is required, but `setuptools` has no hash"


def test_a_frontend_alone_is_better_than_nothing() -> None:
    """If the frontend's epitaph is all there is, it is given."""
    assert failure_line(b"ERROR Backend subprocess exited when trying to invoke build_wheel\n").startswith("ERROR")


@pytest.mark.parametrize("output", [b"", b"\n\n", b"---\n", b"\xff\xfe"])
def test_silence_has_no_cause(output: bytes) -> None:
    """A command that said nothing is explained by its exit status alone."""
    assert not any(character.isalnum() for character in failure_line(output))


def test_a_cause_is_short() -> None:
    """A line without end is cut: it goes into a table, a report and an annotation."""
    assert len(failure_line(b"x" * 10_000)) == 300


ABI = "Invalid binary wheel: no ELF executable or shared library file (including compiled Python C extension) with a "
ABI += "'armv7l' architecture found. The following ELF files were found:"
PURELIB = "RuntimeError: Invalid binary wheel, found the following shared library/libraries in purelib folder:"
CRASH = "Fatal Python error: Segmentation fault"
CRASHED = "Python crashed: Segmentation fault"


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (f"INFO:auditwheel.main_repair:{ABI}\n\t_core.cpython-311-arm-linux-gnueabi.so\n\n", f"{ABI} _core.cpython-"),
        (f"INFO:auditwheel.main_repair:{ABI}\n\ta.so\n\tb.so\n", f"{ABI} a.so, b.so"),
        (
            f"{PURELIB}\n\tx.so\nThe wheel has to be platlib compliant in order to be repaired by auditwheel.\n",
            f"{PURELIB} x.so",
        ),
        ("configure: these are missing:\n  - lz4\n  - zlib\n", "configure: these are missing: - lz4, - zlib"),
        (
            f"{CRASH}\n\nCurrent thread 0x1 (most recent call first):\n  File 'a.py', line 1 in <module>\n",
            CRASHED,
        ),
        ("      setup.py:3: note:\n        one\n      OSError: no lz4\n", "OSError: no lz4"),
        ("Traceback (most recent call last):\n  File 'x'\n    call()\n", "call()"),
        ("ERROR:root:it failed\n", "it failed"),
    ],
)
def test_a_list_is_told_with_its_heading(output: str, cause: str) -> None:
    """Where the last line is an item, its heading says what is wrong; a crash is told before its stacks."""
    assert failure_line(output.encode()).startswith(cause)


def test_colours_hide_no_cause() -> None:
    """A compiler that paints its errors is understood, and a line that only sets a window's title is none."""
    painted = "\x1b[01m\x1b[Kc.c:1:9:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror: \x1b[m\x1b[Kno such type\n"
    assert failure_line((painted + UV).encode()) == "c.c:1:9: error: no such type"
    assert failure_line(b"1 failed\n\x1b]0;title\x07\n\x1b[0m\n") == "1 failed"


def test_what_was_survived_is_no_cause() -> None:
    """An installation that failed in passing is not told where a compiler fails after it."""
    output = "ERROR: No matching distribution found for a\n" + COMPILER
    survived = "ERROR: Could not find a version that satisfies the requirement a (from versions: none)\n"
    assert failure_line((survived + output).encode()) == "c.c:1:9: error: expected expression before ';' token"
    assert failure_line((COMPILER + survived).encode()) == "no version of a can be had for this cell"


def test_a_program_that_was_started_is_the_cause_of_its_exception() -> None:
    """Python says only that it failed, with a traceback; what it said itself stands above."""
    exception = (
        "Traceback (most recent call last):\n"
        '  File "setup.py", line 3, in <module>\n'
        "    subprocess.check_call(['./configure'])\n"
        "subprocess.CalledProcessError: Command '['./configure']' returned non-zero exit status 1.\n"
    )
    assert failure_line(("configure: error: lz4 is needed\n" + exception).encode()) == "configure: error: lz4 is needed"
    assert failure_line(exception.encode()).startswith("subprocess.CalledProcessError: Command")
