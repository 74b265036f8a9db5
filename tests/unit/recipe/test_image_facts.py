"""What a place is seen to hold: the real probe by a real shell, and every reason why a cell cannot run there."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from engine_surroundings import surroundings
from msgspec.structs import replace
from planning import elf_header, facts_for

from matrix_runner.engine.api import ContainerSpec
from matrix_runner.engine.local.local_engine import IMAGE, LocalEngine
from matrix_runner.engine.local.python_discovery import FoundInterpreter
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch, Libc
from matrix_runner.recipe.image_facts import parse_probe
from matrix_runner.recipe.probing.image_problems import find_missing_tool, find_problem
from matrix_runner.recipe.probing.probe_script import probe_request

CELL = Cell.parse("cp311-manylinux_x86_64")
CELL32 = Cell.parse("cp311-manylinux_i686")
DIRECTORIES = ("cp311-cp311",)


def probe(root: Path, *directories: str, **env: str) -> str:
    """Run the probe by this machine's own shell; return what it printed."""
    request = probe_request(str(root), directories)
    return subprocess.run(
        request.argv, check=True, capture_output=True, text=True, env={"PATH": os.environ["PATH"], **env}
    ).stdout


def install(root: Path, directory: str, *, broken: bool = False) -> None:
    """Put this Python under `/opt/python` of a root, or one that does not start."""
    python = root / "opt/python" / directory / "bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexit 1\n" if broken else f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)


def tool(directory: Path, name: str, script: str) -> None:
    """Write an executable shell script."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(f"#!/bin/sh\n{script}\n")
    (directory / name).chmod(0o755)


def test_the_probe_sees_this_machine(tmp_path: Path) -> None:
    """Machine, program format, C library and interpreters come out as they are, and a broken Python is no Python."""
    install(tmp_path, "cp399-cp399")
    install(tmp_path, "cp398-cp398", broken=True)
    install(tmp_path, "cp397-cp397")
    (tmp_path / "opt/python/empty").mkdir()
    facts = parse_probe(probe(tmp_path, "cp399-cp399", "cp398-cp398", "cp1-none"))
    assert facts.machine == platform.machine()
    with Path("/bin/sh").open("rb") as shell:
        assert facts.elf == shell.read(40)
    assert (facts.libc, facts.libc_version) == (Libc.GLIBC, platform.libc_ver()[1])
    assert any("ld-linux" in loader or "ld64" in loader for loader in facts.loaders)
    assert facts.path == os.environ["PATH"]
    assert facts.plat is None
    assert facts.reason("cp398-cp398") == "exit status 1"
    assert sorted(facts.directories) == ["cp397-cp397", "cp398-cp398", "cp399-cp399"]
    (found,) = facts.interpreters
    assert (found.directory, found.version) == ("cp399-cp399", platform.python_version())
    assert {"pip", "venv", "ensurepip"} <= found.modules
    assert found.extension_suffix is not None
    assert found.extension_suffix.endswith(".so")
    assert facts.tool("git") is not None


def test_the_probe_sees_tools_and_the_images_own_platform(tmp_path: Path) -> None:
    """What is on PATH is found with the first line it says of its version, and AUDITWHEEL_PLAT is believed."""
    tools = tmp_path / "bin"
    tool(tools, "auditwheel", "echo 'auditwheel 6.1 installed at /x'; echo more")
    tool(tools, "uv", "echo 'cannot open ld.so' >&2; exit 1")
    tool(tools, "git", "exit 0")
    (tools / "patchelf").write_text("#!/nonexistent/python\n")
    (tools / "patchelf").chmod(0o755)
    path = f"{tools}:/usr/bin:/bin"
    facts = parse_probe(probe(tmp_path, PATH=path, AUDITWHEEL_PLAT="manylinux_2_28_x86_64"))
    assert facts.tool("auditwheel") == "auditwheel 6.1 installed at /x"
    assert facts.tool("uv") is None
    assert facts.reason("uv") == "cannot open ld.so"
    assert facts.tool("git") == "of unknown version"
    assert facts.tool("patchelf") is None
    # In the words of whichever shell is `sh`: that of Debian says only this.
    assert str(facts.reason("patchelf")).startswith("patchelf: ")
    assert facts.reason("auditwheel") is facts.reason("git") is facts.reason("other") is None
    assert (facts.plat, facts.path, facts.interpreters) == ("manylinux_2_28_x86_64", path, ())


def test_the_version_of_auditwheel_is_read_where_it_is_installed(tmp_path: Path) -> None:
    """It is not started for that, only its Python, without which it does not start."""
    tools, where = tmp_path / "bin", tmp_path / "tools"
    tool(tools, "auditwheel", "exit 1")
    tool(where / "bin", "python", f'exec "{sys.executable}" "$@"')
    (tools / "auditwheel").write_text(f"#!{where}/bin/python\nimport auditwheel\n")
    (where / "lib/python3.13/site-packages/auditwheel-6.8.2.dist-info").mkdir(parents=True)
    facts = parse_probe(probe(tmp_path, PATH=f"{tools}:/usr/bin:/bin"))
    assert facts.tool("auditwheel") == "auditwheel 6.8.2"
    tool(where / "bin", "python", "echo 'no loader' >&2; exit 127")
    broken = parse_probe(probe(tmp_path, PATH=f"{tools}:/usr/bin:/bin"))
    assert broken.tool("auditwheel") is None
    assert broken.reason("auditwheel") == "no loader"


_OFFERS = """\
if [ "$*" != "list --format json" ]; then exit 2; fi
echo '['
echo '  {"identifier": "pp310-pypy310_pp73", "installed": false},'
echo '  {"identifier": "cp311-cp311", "installed": true}'
echo ']'
"""


def test_the_probe_asks_what_can_be_installed_if_something_is_missing(tmp_path: Path) -> None:
    """Only in a container (root ""), only where the command is there, and only for the sake of what is missing."""
    tools = tmp_path / "bin"
    tool(tools, "manylinux-interpreters", _OFFERS)
    path = f"{tools}:/usr/bin:/bin"

    def installable(root: str, *directories: str, path: str = path) -> tuple[str, ...]:
        request = probe_request(root, directories)
        done = subprocess.run(request.argv, check=True, capture_output=True, text=True, env={"PATH": path})
        return parse_probe(done.stdout).installable

    assert installable("", "cp1-missing") == ("pp310-pypy310_pp73", "cp311-cp311")
    assert installable("") == ()
    assert installable(str(tmp_path), "cp1-missing") == ()
    assert installable("", "cp1-missing", path="/usr/bin:/bin") == ()
    tool(tools, "manylinux-interpreters", "echo 'no such option: --format' >&2; exit 2")
    assert installable("", "cp1-missing") == ()


def test_what_can_be_installed_is_no_problem() -> None:
    """A cell whose interpreter can be had on demand may run; one that is there, or is broken, is not installed."""
    facts = replace(facts_for(CELL, "cp39-cp39"), installable=("pp311-pypy311_pp73", "cp39-cp39"))
    wanted = ("pp311-pypy311_pp80", "pp311-pypy311_pp73")
    pypy = Cell.parse("pp311-manylinux_x86_64")
    assert facts.to_install(wanted) == "pp311-pypy311_pp73"
    assert facts.to_install(("cp39-cp39",)) is None
    assert find_problem(pypy, wanted, facts, "the image") is None
    assert find_problem(pypy, wanted[:1], facts, "the image") is not None
    broken = replace(facts, directories=(*facts.directories, "pp311-pypy311_pp80"))
    assert broken.to_install(wanted) is None
    problem = find_problem(pypy, wanted, broken, "the image")
    assert problem is not None
    assert "does not start" in problem.message


def test_a_musl_package_does_not_make_a_musl_machine(tmp_path: Path) -> None:
    """A machine with musl's loader beside glibc, as a package, still makes manylinux wheels."""
    tools = tmp_path / "bin"
    tool(tools, "ls", "echo /lib/ld-musl-x86_64.so.1")
    assert parse_probe(probe(tmp_path, PATH=f"{tools}:/usr/bin:/bin")).libc is Libc.GLIBC


def test_a_machine_with_musl_alone_is_known(tmp_path: Path) -> None:
    """Where musl's loader is there and no glibc, wheels are musllinux ones, of the version `ldd` says."""
    tools = tmp_path / "bin"
    tool(tools, "ls", "echo /lib/ld-musl-x86_64.so.1")
    tool(tools, "getconf", "exit 1")
    tool(tools, "ldd", "echo 'musl libc (x86_64)' >&2; echo 'Version 1.2.5' >&2; exit 1")
    facts = parse_probe(probe(tmp_path, PATH=f"{tools}:/usr/bin:/bin"))
    assert (facts.libc, facts.libc_version) == (Libc.MUSL, "1.2.5")


def test_the_local_engine_is_probed_like_any_other(tmp_path: Path) -> None:
    """Through an engine the same probe finds the interpreters that the engine shows."""
    arch = Arch.of_machine(platform.machine())
    assert arch is not None
    here = FoundInterpreter(
        directory="cp399-cp399",
        version=platform.python_version(),
        executable=Path(sys.executable),
        bits=arch.bits,
        machine=arch.tag,
        has_headers=True,
    )
    engine = LocalEngine(
        run="r",
        surroundings=surroundings(tmp_path, {"PATH": os.environ["PATH"]}),
        interpreters=(here,),
    )
    output = bytearray()
    try:
        with engine.open(ContainerSpec(image=IMAGE, arch=arch, name="probe")) as container:
            result = container.exec(probe_request(container.root, ("cp399-cp399",)), output.extend)
    finally:
        engine.close()
    assert result.is_success
    facts = parse_probe(output.decode())
    (found,) = facts.interpreters
    assert (found.directory, found.version) == ("cp399-cp399", platform.python_version())


def test_the_probe_sees_what_is_said_to_pip(tmp_path: Path) -> None:
    """Names of variables that are set, and the options in pip's files, but no value of either; and the pip there is."""
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text("[global]\nindex-url = https://user:secret@x\n# pre = 1\n  more\n")
    install(tmp_path, "cp399-cp399")
    home = str(tmp_path)
    said = probe(
        tmp_path,
        "cp399-cp399",
        HOME=home,
        PIP_PRE="1",
        PIP_EMPTY="",
        UV_INDEX="x",
        SSL_CERT_FILE="/x",
        REQUESTS_CA_BUNDLE="/x",
        LONG="\nPIP_NO=1",
    )
    facts = parse_probe(said)
    assert {"PIP_PRE", "UV_INDEX", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"} <= set(facts.pip_variables)
    assert "PIP_EMPTY" not in facts.pip_variables
    assert (f"{home}/.config/pip/pip.conf", "index-url") in facts.pip_files
    assert "secret" not in said
    assert facts.interpreters[0].pip[:1].isdigit()
    none = parse_probe(probe(tmp_path, HOME=home, PIP_CONFIG_FILE="/dev/null"))
    assert (none.pip_variables, none.pip_files) == ((), ())
    named = parse_probe(probe(tmp_path, HOME=home, PIP_CONFIG_FILE="/x"))
    assert named.pip_variables == ("PIP_CONFIG_FILE",)


def test_noise_around_the_answer_is_passed_over() -> None:
    """What an image's shell or a wrapper prints of its own does not confuse the reader, nor does a torn answer."""
    answer = "machine\tx86_64\nelf\t7f454c46\nlibc\tmanylinux\ninterpreter\tcp311-cp311\t3.11.4\tpip,venv\t.so\t26.3\n"
    noise = "Welcome!\n\nWARNING:\ttabs\tin\tit\n\t\t\n"
    clean, noisy = parse_probe(answer), parse_probe(noise + answer + noise)
    assert noisy == clean
    assert clean.interpreters[0].modules == {"pip", "venv"}
    torn = parse_probe("machine\nelf\tnot hex\ninterpreter\tcp311-cp311\t3.11\ntool\tuv\n")
    assert (torn.machine, torn.elf, torn.interpreters, torn.tools, torn.plat) == ("", b"", (), (), None)
    assert parse_probe("").directories == ()


def test_a_fitting_place_has_no_problem() -> None:
    """Nothing is found wrong with an image that suits the cell, of any architecture and library."""
    for identifier in ("cp311-manylinux_x86_64", "cp311-manylinux_i686", "cp311-musllinux_s390x"):
        cell = Cell.parse(identifier)
        assert find_problem(cell, DIRECTORIES, facts_for(cell, "cp311-cp311"), "image x") is None


def test_programs_of_another_architecture_are_seen_through() -> None:
    """An image whose programs are of another machine is refused, whatever its name and `uname` say."""
    facts = replace(facts_for(CELL32, "cp311-cp311"), elf=elf_header(Arch.X86_64))
    problem = find_problem(CELL32, DIRECTORIES, facts, "image x")
    assert problem is not None
    assert problem.message == "image x holds x86_64 programs, but cp311-manylinux_i686 needs i686"
    assert problem.is_wrong_image
    assert "manylinux-i686-image" in problem.hint


def test_a_64_bit_uname_in_a_32_bit_cell_is_refused() -> None:
    """Without `linux32` in the image, build tools would make 64-bit objects: the cell does not start, and says why."""
    facts = replace(facts_for(CELL32, "cp311-cp311"), machine="x86_64")
    problem = find_problem(CELL32, DIRECTORIES, facts, "image x")
    assert problem is not None
    assert "`uname -m` says x86_64" in problem.message
    assert "linux32" in problem.hint
    silent = find_problem(CELL, DIRECTORIES, replace(facts_for(CELL, "cp311-cp311"), machine=""), "image x")
    assert silent is not None
    assert "says nothing" in silent.message


def test_another_c_library_is_refused() -> None:
    """A musllinux image for a manylinux cell is named as such."""
    facts = replace(facts_for(CELL, "cp311-cp311"), libc=Libc.MUSL)
    problem = find_problem(CELL, DIRECTORIES, facts, "image x")
    assert problem is not None
    assert problem.message == "image x is for musllinux wheels, but cp311-manylinux_x86_64 needs manylinux"
    assert problem.is_wrong_image


@pytest.mark.parametrize(
    ("cell", "libc", "loader", "told", "advice"),
    [
        (
            "cp311-musllinux_x86_64",
            Libc.GLIBC,
            "/lib/ld-musl-x86_64.so.1",
            "musllinux: musl is in it too (/lib/ld-musl-x86_64.so.1), but `getconf GNU_LIBC_VERSION` answers 2.31",
            "set `musllinux-x86_64-image` to an image whose own C library is musl",
        ),
        (
            "cp311-manylinux_x86_64",
            Libc.MUSL,
            "/lib64/ld-linux-x86-64.so.2",
            "needs manylinux: glibc's loader is in it too (/lib64/ld-linux-x86-64.so.2), but `getconf",
            "set `manylinux-x86_64-image` to an image whose own C library is glibc",
        ),
        ("cp311-musllinux_x86_64", Libc.GLIBC, "/lib64/ld-linux-x86-64.so.2", "needs musllinux", "-x86_64-image`"),
    ],
)
def test_an_image_with_both_c_libraries(cell: str, libc: Libc, loader: str, told: str, advice: str) -> None:
    """It is for one of them: which, and why, where it is named for the other."""
    facts = replace(facts_for(CELL, "cp311-cp311"), libc=libc, libc_version="2.31", loaders=(loader,))
    problem = find_problem(Cell.parse(cell), DIRECTORIES, facts, "image x")
    assert problem is not None
    assert told in problem.message
    assert ("too" in problem.message) == ("too" in told)
    assert advice in problem.hint
    assert problem.is_wrong_image


def test_a_python_of_musl_in_a_manylinux_cell() -> None:
    """An image with both, whose `getconf` says glibc and whose Python is musl's: its modules' names say so."""
    facts = facts_for(CELL, "cp311-cp311")
    (python,) = facts.interpreters
    for suffix, is_wrong in ((".cpython-311-x86_64-linux-musl.so", True), (".cpython-311-x86_64-linux-gnu.so", False)):
        found = replace(facts, interpreters=(replace(python, extension_suffix=suffix),))
        problem = find_problem(CELL, DIRECTORIES, found, "image x")
        assert (problem is not None) == is_wrong
        if problem is not None:
            assert "/opt/python/cp311-cp311 in image x is for musllinux wheels" in problem.message
            assert problem.is_wrong_image


def test_a_missing_interpreter_names_what_there_is() -> None:
    """The user learns which directory is missing and which are there; an image without any says that."""
    facts = facts_for(CELL, "cp39-cp39")
    problem = find_problem(CELL, DIRECTORIES, facts, "image x")
    assert problem is not None
    assert problem.message == "image x has no /opt/python/cp311-cp311, which cp311-manylinux_x86_64 needs"
    assert problem.hint == "it has cp39-cp39"
    empty = find_problem(CELL, DIRECTORIES, replace(facts, directories=(), interpreters=()), "image x")
    assert empty is not None
    assert empty.hint == "it has no interpreter at all"


def test_an_unreadable_header_is_no_reason_to_refuse() -> None:
    """Where `/bin/sh` is no ELF file or is of a machine nobody knows, `uname` decides."""
    facts = facts_for(CELL, "cp311-cp311")
    for header in (
        b"",
        b"#!/bin/busybox sh....",
        elf_header(Arch.X86_64)[:10],
        elf_header(Arch.X86_64)[:18] + b"\xff\xff",
    ):
        assert find_problem(CELL, DIRECTORIES, replace(facts, elf=header), "image x") is None


@pytest.mark.parametrize(
    ("tools", "needed", "words"),
    [
        (("auditwheel", "patchelf"), {"auditwheel", "patchelf"}, None),
        ((), set(), None),
        (("auditwheel",), {"auditwheel", "patchelf"}, "image x has no patchelf, which"),
        ((), {"uv", "auditwheel"}, "image x has no auditwheel and no uv, which"),
    ],
)
def test_a_missing_tool_is_named(tools: tuple[str, ...], needed: set[str], words: str | None) -> None:
    """Every tool that the steps need and the image lacks is named at once, with what to change."""
    facts = facts_for(CELL, "cp311-cp311", tools=tools)
    problem = find_missing_tool(CELL, ("cp311-cp311",), facts, "image x", frozenset(needed))
    assert (problem is None) == (words is None)
    if problem is not None and words is not None:
        assert problem.message.startswith(words)
        assert "repair-wheel-command" in problem.hint


def test_a_tool_that_does_not_start_is_none() -> None:
    """One of another architecture or C library is on PATH and has no version: it is told, and `auto` does without."""
    facts = replace(
        facts_for(CELL, "cp311-cp311", tools=("patchelf",)), broken=(("auditwheel", "no loader"), ("uv", "no loader"))
    )
    problem = find_missing_tool(CELL, ("cp311-cp311",), facts, "image x", frozenset({"auditwheel", "patchelf"}))
    assert problem is not None
    assert problem.message == (
        f"auditwheel is on PATH in image x, and {CELL} needs it, but it does not start: no loader"
    )
    assert not problem.is_wrong_image
    assert facts.tool("uv") is None
    assert find_missing_tool(CELL, ("cp311-cp311",), facts, "image x", frozenset({"patchelf"})) is None


@pytest.mark.parametrize("flags", [0x05000200, 0x05000000, 0x04000400, 0])
def test_soft_float_arm_is_no_armv7l(flags: int) -> None:
    """Only EABI 5 with hard-float is (PEP 599): Debian's armel has the same machine number and `uname -m`."""
    cell = Cell.parse("cp311-manylinux_armv7l")
    hard = facts_for(cell, "cp311-cp311")
    assert find_problem(cell, DIRECTORIES, hard, "image x") is None
    soft = replace(hard, elf=hard.elf[:36] + flags.to_bytes(4, "little"))
    problem = find_problem(cell, DIRECTORIES, soft, "image x")
    assert problem is not None
    assert problem.message == f"image x holds soft-float ARM (armel) programs, but {cell} needs armv7l"
    assert problem.is_wrong_image


def test_an_emulated_probe_has_more_time() -> None:
    """It starts each interpreter, many times as slowly."""
    native, emulated = (probe_request("", (), is_slow=each).timeout for each in (False, True))
    assert native is not None
    assert emulated is not None
    assert emulated > 5 * native


def test_without_uv_there_must_be_a_pip() -> None:
    """An interpreter with neither pip nor the means to make one is told of before anything is built."""
    bare = facts_for(CELL, "cp311-cp311", modules=(), tools=("auditwheel", "patchelf"))
    problem = find_missing_tool(CELL, ("cp311-cp311",), bare, "image x", frozenset())
    assert problem is not None
    assert problem.message == f"image x has no pip, which {CELL} needs"
    with_uv = facts_for(CELL, "cp311-cp311", modules=(), tools=("uv",))
    assert find_missing_tool(CELL, ("cp311-cp311",), with_uv, "image x", frozenset()) is None


def test_an_interpreter_that_does_not_start_is_not_called_missing() -> None:
    """A directory whose Python gave no answer is named as broken, with the command that shows why."""
    facts = replace(facts_for(CELL, "cp311-cp311"), interpreters=())
    problem = find_problem(CELL, ("cp311-cp311",), facts, "image x")
    assert problem is not None
    assert "does not start" in problem.message
    assert "/opt/python/cp311-cp311/bin/python -V" in problem.hint


def test_a_clean_image_is_asked_for_its_name_and_its_own_pythons(tmp_path: Path) -> None:
    """By this machine's own shell: its name for people, and the interpreters that a distribution would have."""
    request = probe_request(str(tmp_path), (), asks_system=True)
    answer = subprocess.run(request.argv, check=True, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    facts = parse_probe(answer.stdout)
    release = Path("/etc/os-release").read_text("utf-8")
    assert facts.system
    assert f'"{facts.system}"' in release
    own = {each.directory: each for each in facts.system_pythons}
    there = {str(path) for path in Path("/usr/bin").glob("python3.[0-9]*") if path.name.split(".")[-1].isdigit()}
    assert there <= own.keys()
    assert all(each.release >= (3, 0) and each.extension_suffix for each in own.values())


def test_an_image_to_build_in_is_not_asked_for_that(tmp_path: Path) -> None:
    """Nobody needs it there, and each Python that is started takes its time."""
    facts = parse_probe(probe(tmp_path))
    assert (facts.system, facts.system_pythons) == ("", ())
