"""Our own build frontend, run as a cell runs it, on packages whose backend is their own: no index is needed."""

import ast
import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from matrix_runner.cell_programs import program_text
from matrix_runner.recipe.frontends.own_frontend import with_programs
from matrix_runner.recipe.layout import Layout

WHEEL = "demo-1.0-py3-none-any.whl"
TABLE = '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
BUILD = f"""
def build_wheel(out, config_settings, metadata):
    open(os.path.join(out, "{WHEEL}"), "w").close()
    return "{WHEEL}"
"""


@dataclass(frozen=True)
class Ended:
    """How a build ended. `said`: all that was printed."""

    status: int
    said: str
    built: list[str]


@dataclass(frozen=True)
class Package:
    """A package with a backend of its own, and a cell's directories beside it."""

    root: Path

    def write(self, backend: str = BUILD, table: str = TABLE) -> None:
        """Write the backend's module and pyproject.toml."""
        (self.root / "project").mkdir(exist_ok=True)
        (self.root / "project/own.py").write_text("import json, os, sys\n" + textwrap.dedent(backend))
        (self.root / "project/pyproject.toml").write_text(table)

    def build(self, *words: str, **env: str) -> Ended:
        """Build it."""
        layout = Layout(root=str(self.root))
        program, out = f"{layout.frontend}/build_frontend.py", self.root / "built"
        argv = (sys.executable, "-I", program, layout.package, f"--outdir={out}", *words)
        argv = with_programs(layout, (*argv, f"--environment={layout.isolated_environment}"))
        given = {"PATH": "/usr/bin:/bin", **env}
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(argv, env=given, cwd=self.root, check=False, text=True, **both)  # type: ignore[call-overload]
        return Ended(done.returncode, done.stdout, sorted(path.name for path in out.glob("*")))


@pytest.fixture(name="package")
def _package(tmp_path: Path) -> Package:
    made = Package(tmp_path)
    made.write()
    return made


def test_a_wheel_in_an_environment_that_is_gone_afterwards(package: Package) -> None:
    """The environment's path is the one that it was told, in every run, and nothing is left at it for later steps."""
    package.write("def get_requires_for_build_wheel(config_settings): print(sys.prefix); return []" + BUILD)
    for _ in range(2):
        ended = package.build("--wheel")
        assert (ended.status, ended.built) == (0, [WHEEL]), ended.said
        assert f"\n{package.root}/matrix/isolated\n" in ended.said
        assert f"Successfully built {WHEEL}" in ended.said
        assert not (package.root / "matrix/isolated").exists()


def test_hooks_are_processes_of_their_own_and_the_import_is_paid_once(package: Package) -> None:
    """What one hook does to its process no other one sees: directory, variables, modules, output streams."""
    backend = """
    print("imported by", os.getpid())
    seen = []
    def get_requires_for_build_wheel(config_settings):
        print("asked", os.getpid()); seen.append(1); os.environ["A"] = "1"; os.chdir("/"); sys.argv[:] = []
        sys.path.clear(); sys.stdout = None
        return []
    """
    build = """
    def build_wheel(out, config_settings, metadata):
        print("built", os.getpid(), seen, os.environ.get("A"), os.getcwd(), metadata)
        return "x"
    """
    package.write(textwrap.dedent(backend) + textwrap.dedent(build))
    said = package.build().said
    words = [line.split() for line in said.splitlines()]
    (imported,) = [line[-1] for line in words if line[:1] == ["imported"]]
    (asked,) = [line[-1] for line in words if line[:1] == ["asked"]]
    assert asked != imported
    assert f"built {imported} [] None {package.root}/project None" in said


@pytest.mark.parametrize(
    "at_import",
    [
        "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "import atexit; atexit.register(print, 'left')\nimport own_exit",
        "import tempfile; held = tempfile.TemporaryDirectory()",
    ],
)
def test_where_a_fork_would_differ_there_is_none(package: Package, at_import: str) -> None:
    """Threads, and what is to happen at the end of a process, belong to that process: each hook imports for itself."""
    (package.root / "project/own_exit.py").write_text("import atexit\natexit.register(lambda: None)\n")
    asked = "\ndef get_requires_for_build_wheel(config_settings): return []\n"
    package.write(f"import own_exit\n{at_import}\nprint('imported')\n" + asked + BUILD)
    ended = package.build()
    assert ended.status == 0, ended.said
    assert ended.said.count("imported\n") == 2


def test_config_settings_are_those_of_build(package: Package) -> None:
    """A key that is repeated becomes a list; without any there is an empty table; values may be empty."""
    package.write("def get_requires_for_build_wheel(c): print(json.dumps(c)); return ()" + BUILD)
    assert "\n{}\n" in package.build().said
    said = package.build("-Ca=1", "-Cb", "-Ca=2", "-Cc=x=y", "-Ca=", "-vv").said
    assert json.dumps({"a": ["1", "2", ""], "b": "", "c": "x=y"}) in said


def test_surroundings_of_the_hooks(package: Package) -> None:
    """Scripts of the environment first, no PYTHONPATH, no site of the user, and the names of `pyproject-hooks`."""
    asked = """
    import site
    def get_requires_for_build_wheel(c):
        names = ("PATH", "PYTHONPATH", "_PYPROJECT_HOOKS_BUILD_BACKEND", "_PYPROJECT_HOOKS_BACKEND_PATH_JSON")
        print(json.dumps([os.environ.get(name) for name in names] + [site.ENABLE_USER_SITE, os.environ["OWN"]]))
        print("frontend" in "".join(sys.path))
        return []
    """
    package.write(textwrap.dedent(asked) + BUILD)
    said = package.build(PYTHONPATH="/nowhere", OWN="1").said
    scripts = f"{package.root}/matrix/isolated/bin:/usr/bin:/bin"
    assert json.dumps([scripts, "", "own", json.dumps([f"{package.root}/project"]), False, "1"]) in said
    assert "\nFalse\n" in said


BROKEN = [
    # pyproject.toml -> the reason
    ('[build-system]\nbuild-backend = "own"\n', "`requires` is a required property"),
    ('[build-system]\nrequires = "x"\n', "`requires` must be an array of strings"),
    ("[build-system]\nrequires = [1]\n", "`requires` must be an array of strings"),
    ("[build-system]\nrequires = []\nbuild-backend = 1\n", "`build-backend` must be a string"),
    ("[build-system]\nrequires = []\nextra = 1\n", "Unknown properties: extra"),
    ("build-system = 1\n", "`build-system` must be a table"),
    (TABLE.replace('["."]', '["gone"]'), "`backend-path` entry 'gone' does not exist"),
    (TABLE.replace('["."]', '["/"]'), "`backend-path` entry '/' is not a relative path inside"),
    (TABLE.replace('["."]', '[".."]'), "`backend-path` entry '..' is not a relative path inside"),
    ("[build-system\n", "Failed to parse"),
    (TABLE.replace('"own"', '"other"'), "Backend 'other' is not available."),
    (TABLE.replace('"own"', '"own:nothing"'), "has no attribute 'nothing'"),
]


@pytest.mark.parametrize(("table", "reason"), BROKEN)
def test_a_table_that_is_wrong(package: Package, table: str, reason: str) -> None:
    """Each mistake is named, and the status is 1, as with `build`."""
    package.write(table=table)
    ended = package.build()
    assert ended.status == 1
    assert reason in ended.said
    assert "build_frontend.py" not in ended.said


FAILURES = [
    ("import not_there", "No module named 'not_there'", "Backend 'own' is not available."),
    ("def get_requires_for_build_wheel(c): raise OSError('broke')", "OSError: broke", "get_requires_for_build_wheel"),
    ("def get_requires_for_build_wheel(c): sys.exit('no compiler')", "no compiler", "get_requires_for_build_wheel"),
    ("def get_requires_for_build_wheel(c): os.kill(os.getpid(), 9)", "", "get_requires_for_build_wheel"),
    ("def get_requires_for_build_wheel(c): return None", "TypeError", "get_requires_for_build_wheel"),
    ("", "has no attribute 'build_wheel'", "build_wheel"),
    ("def build_wheel(*a): raise OSError('broke')", "OSError: broke", "build_wheel"),
    ("def build_wheel(*a): os.kill(os.getpid(), 11)", "", "build_wheel"),
    ("def build_wheel(*a): os._exit(0)", "", "build_wheel"),
    ("def build_wheel(*a): sys.exit()", "", "build_wheel"),
    ("def build_wheel(*a): return object()", "not JSON serializable", "build_wheel"),
]


@pytest.mark.parametrize("words", [(), ("-q",)])
@pytest.mark.parametrize(("backend", "cause", "hook"), FAILURES)
def test_a_backend_that_fails(package: Package, backend: str, cause: str, hook: str, words: tuple[str, ...]) -> None:
    """Its own words are shown, quiet or not; the hook is named, and the status is 1."""
    package.write(backend)
    ended = package.build(*words)
    assert ended.status == 1
    assert cause in ended.said
    assert ended.said.rstrip().splitlines()[-1].startswith("ERROR Backend ")
    assert hook in ended.said.rstrip().splitlines()[-1]


def test_warnings_for_users_are_shown_and_others_are_not(package: Package) -> None:
    """As `build` shows them, whether the backend warns when it is imported or later."""
    package.write(
        "import warnings\nwarnings.warn('early')\n"
        "def get_requires_for_build_wheel(c): warnings.warn('old', DeprecationWarning); return []\n"
        "def build_wheel(*a): warnings.warn('late'); return 'x'\n"
    )
    said = package.build().said
    assert "WARNING early" in said
    assert "WARNING late" in said
    assert "old" not in said


def test_quiet(package: Package) -> None:
    """Then nothing that the backend prints is shown."""
    package.write("print('loud')" + BUILD)
    assert "loud" not in package.build("-q").said
    assert "loud" in package.build("-v").said


def test_an_sdist(package: Package) -> None:
    """By its own hooks; a backend that can make none says so."""
    hooks = """
    class UnsupportedOperation(Exception): pass
    def get_requires_for_build_sdist(c): print("asked"); return []
    def build_sdist(out, c):
        if c: raise UnsupportedOperation("not here")
        open(os.path.join(out, "demo-1.0.tar.gz"), "w").close()
        return "demo-1.0.tar.gz"
    """
    package.write(hooks)
    ended = package.build("--sdist")
    assert (ended.status, ended.built) == (0, ["demo-1.0.tar.gz"]), ended.said
    assert "asked" in ended.said
    ended = package.build("--sdist", "-Ca=1")
    assert ended.status == 1
    assert "not here" in ended.said
    assert "can make no sdist" in ended.said


def test_what_is_required_besides_is_installed_and_a_fresh_process_takes_over(package: Package) -> None:
    """Nobody can install it here, which names it; what was required before is not installed twice."""
    package.write("def get_requires_for_build_wheel(c): print('asked'); return ['matrix-runner-not-there']" + BUILD)
    ended = package.build(PIP_NO_INDEX="1")
    assert ended.status == 1
    assert "* Installing packages in isolated environment:\n  - matrix-runner-not-there\n" in ended.said
    assert "ERROR pip could not install what the build requires" in ended.said


def test_a_package_that_is_none(package: Package) -> None:
    """Neither pyproject.toml nor setup.py: no backend is guessed."""
    (package.root / "project/pyproject.toml").unlink()
    assert "does not appear to be a Python project" in package.build().said
    (package.root / "project/setup.py").write_text("")
    ended = package.build(PIP_NO_INDEX="1")
    assert "  - setuptools >= 40.8.0\n" in ended.said


@pytest.mark.parametrize("name", ["build_frontend", "build_system", "build_bytecode", "build_hooks"])
def test_old_pythons_read_it(name: str) -> None:
    """Every cell from Python 3.8 on is built by it."""
    ast.parse(program_text(name), feature_version=(3, 8))
