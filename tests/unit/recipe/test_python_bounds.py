"""Requirements of a build that exclude the Python that runs it, though uv has installed them: they are found there."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from fake_run import FakeRun, outcome, what
from msgspec.structs import replace
from planning import job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.kinds.values import BuildFrontend, Frontend
from matrix_runner.config.options.build_options import BUILD_FRONTEND
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeResult
from matrix_runner.model.outcomes import Status, StepKind
from matrix_runner.recipe.after_build.python_bounds import WatchedBuild
from matrix_runner.recipe.layout import Layout

CELL = "cp311-manylinux_x86_64"
NOW = f"{sys.version_info[0]}.{sys.version_info[1]}"


class Build:
    """A build in an environment of this Python, whose installer and requirements are made up."""

    def __init__(self, directory: Path) -> None:
        """Make the environment."""
        self.environment = directory / "environment"
        venv.create(self.environment)
        (self.site,) = self.environment.glob("lib/python*/site-packages")
        self.watched = WatchedBuild(layout=Layout(root=str(directory)))

    def install(self, name: str, requires: str, installer: str = "uv") -> Path:
        """Install something; return its metadata's directory."""
        folder = self.site / f"{name}-2.0.dist-info"
        folder.mkdir()
        (folder / "INSTALLER").write_text(installer)
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\nRequires-Python: {requires}\n\nRequires-Python: <1\n"
        )
        return folder

    def run(self, program: str = "", python: Path | None = None, **env: str) -> str:
        """Run a program as the backend; return what it printed."""
        argv = (str(python or self.environment / "bin/python"), "-X", "dev", "-W", "error", "-c", program)
        done = subprocess.run(
            self.watched.around(argv), env=env, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return done.stdout

    def remark(self) -> str | None:
        """Return what is said of it afterwards."""
        answer = subprocess.run(self.watched.ask(), check=True, stdout=subprocess.PIPE, text=True).stdout
        return self.watched.remark(answer, "3.9.9")


@pytest.fixture(name="build")
def _build(tmp_path: Path) -> Build:
    return Build(tmp_path)


def test_what_uv_installs_across_an_upper_bound_is_named(build: Build) -> None:
    """Each once, however many Pythons the build starts, and however late it is installed."""
    build.install("good", f"<={NOW}.99")
    assert build.run("print(1)") == "1\n"
    assert build.remark() is None
    build.install("late", f">=3,<{NOW}")
    assert build.run("print(1)") == build.run("print(1)") == "1\n"
    found = build.remark()
    assert found is not None
    assert f"excludes this Python: late 2.0 is for Python >=3,<{NOW}, and this is 3.9.9" in found
    assert "good" not in found


def test_only_uv_is_asked_and_only_in_an_environment(build: Build) -> None:
    """Other installers refuse by themselves; the interpreter's own packages are nothing that the build requires."""
    build.install("theirs", "<3", installer="pip")
    build.run()
    build.run(python=Path(getattr(sys, "_base_executable", sys.executable)))
    assert build.remark() is None


@pytest.mark.parametrize("name", ["INSTALLER", "METADATA"])
def test_a_build_is_never_disturbed(build: Build, name: str) -> None:
    """Metadata that is not there, a directory in its place, or one that cannot be written to: nothing is printed."""
    folder = build.install("odd", "<3")
    (folder / name).unlink()
    assert build.run("print(1)") == "1\n"
    (folder / name).mkdir()
    assert build.run("print(1)") == "1\n"
    (build.site / "empty.dist-info").write_text("")
    assert build.run("print(1)") == "1\n"


def test_no_place_to_write_is_no_failure(build: Build, tmp_path: Path) -> None:
    """Then nothing is found out, and the build goes on as ever."""
    (tmp_path / "matrix").write_text("a file")
    assert build.run("import os; print(os.environ.get('PYTHONPATH'))").endswith("None\n")


def test_the_users_own_is_heeded(build: Build, tmp_path: Path) -> None:
    """PYTHONPATH is led on, and a `sitecustomize` there or in the environment has its turn."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import sys; sys.told = 'own'")
    (own / "mine.py").write_text("")
    program = "import sys, mine, sitecustomize; print(sys.told, sitecustomize.__file__)"
    assert build.run(program, PYTHONPATH=str(own)) == f"own {own}/sitecustomize.py\n"
    (build.site / "sitecustomize.py").write_text("import sys; sys.told = 'the environment\\'s'")
    assert build.run("import sys; print(sys.told)") == "the environment's\n"


@pytest.mark.parametrize(
    ("frontend", "args", "is_drop_in", "is_watched"),
    [
        (Frontend.AUTO, (), False, True),
        (Frontend.UV, (), False, True),
        (Frontend.BUILD_UV, (), False, False),
        (Frontend.BUILD, (), False, False),
        (Frontend.PIP, (), False, False),
        (Frontend.UV, ("--no-build-isolation",), False, False),
        (Frontend.UV, (), True, False),
    ],
)
def test_where_uv_installs_it_is_looked_at(
    *, frontend: Frontend, args: tuple[str, ...], is_drop_in: bool, is_watched: bool
) -> None:
    """`build` would empty the variable; with cibuildwheel's configuration a build sees none that it lacks there."""
    settings = settings_with({BUILD_FRONTEND: BuildFrontend(name=frontend, args=args)})
    made = recipe_for(job_for(CELL, catalog.load(), replace(settings, is_drop_in=is_drop_in)))
    assert (made.watched is not None) is is_watched
    for kind, steps in ((StepKind.BUILD, made.build()), (StepKind.SDIST, made.sdist())):
        (step,) = (step for step in steps if step.kind is kind)
        by_sitecustomize = is_watched and frontend is Frontend.UV
        assert any("sitecustomize.py" in word for word in step.request.argv) is by_sitecustomize
        assert "sitecustomize" not in step.shown


@pytest.mark.parametrize("status", [0, 1])
def test_a_cell_warns(tmp_path: Path, status: int) -> None:
    """Whether it was built or failed, perhaps for that very reason; once."""

    def override(call: FakeCall) -> FakeResult | None:
        if any(word.endswith("/bounds") for word in call.request.argv):
            return FakeResult(output=(b"old\t2.0\t<3\nnew\t1.0\t>=3\nodd\t1\tany\nnone\t1\t\n",))
        return FakeResult(status=1) if status and what(call) == "build" else None

    fake = FakeRun(directory=tmp_path, identifiers=(CELL,), settings=settings_with(), override=override)
    ended = outcome(fake.run(), CELL)
    assert ended.status is (Status.FAILED if status else Status.PASSED)
    assert [text for text in fake.recorder.notices() if "old 2.0 is for Python <3, and this is 3.0.0" in text] != []
    assert len([text for text in fake.recorder.notices() if "excludes this Python" in text]) == 1


def test_old_pythons_read_it_too(build: Build) -> None:
    """A build may start any Python: what one of them cannot do it lets be, in syntax that all have."""
    text = build.watched.around(("true",))[5]
    for word in ('f"', "print(", ":=", "nonlocal", "async "):
        assert word not in text
    assert os.linesep.join(("try:", "    look()")) in text
