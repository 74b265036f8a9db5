"""The wheel from a cell is the wheel of the user's directory: its files, and what git says of them."""

import subprocess
from pathlib import Path

import pytest
from checkouts import commit, git, repository
from image_source import ImageSource
from runner_process import run_build, runner_argv, runner_environ
from sample_projects import extension_project, write_project

CELL = "cp311-manylinux_x86_64"

SETUP = """\
import pathlib, subprocess
from setuptools import Extension, setup

def git(*words):
    return subprocess.run(("git", *words), check=True, capture_output=True, text=True).stdout.strip()

asked = [git(*line.split()) for line in pathlib.Path("questions.txt").read_text().splitlines()]
version = git("describe", "--tags", "--dirty", "--match", "v*").lstrip("v").replace("-", "+", 1).replace("-", ".")
pathlib.Path("demo/asked.txt").write_text(repr(asked))
setup(
    version=version,
    packages=["demo"],
    package_data={"demo": ["static/*", "*.bin", "asked.txt"]},
    ext_modules=[Extension("demo._answer", ["answer.c"] + [str(one) for one in pathlib.Path("vendor").rglob("*.c")])],
)
"""

QUESTIONS = """\
describe --tags --always --dirty --long
log -1 --format=%H|%cI|%s
rev-list --count HEAD
rev-parse --abbrev-ref HEAD
rev-parse --show-prefix
status --porcelain --untracked-files=no
diff-index HEAD
ls-files --stage
ls-tree -r --name-only HEAD
remote get-url origin
show -s --format=%ci
-C vendor/library describe --tags
"""

CHECK = """\
import importlib.resources, sys
files = importlib.resources.files("demo")
print(files.joinpath("asked.txt").read_text() == sys.argv[1] or (files.joinpath("asked.txt").read_text(), sys.argv[1]))
assert files.joinpath("asked.txt").read_text() == sys.argv[1]
assert files.joinpath("model.bin").read_text() == "content"
assert files.joinpath("static/app.js").read_text() == "made"
"""

NOTHING_CHANGED = (
    "import pathlib, demo; assert pathlib.Path(demo.__file__).with_name('asked.txt').read_text() == repr([''])"
)


def project_with_all(top: Path, environ: dict[str, str]) -> Path:
    """Make a project below its repository's top, with a filtered file, a submodule, a repository and ignored files."""
    library = commit(
        write_project(repository(top.with_name("library")), {"library.c": "int library;\n"}), "c", tag="v7"
    )
    project = repository(top) / "python"
    files = extension_project(settings='source-include = ["/demo/static/", "/vendor/turbo/"]\n')
    files["pyproject.toml"] = files["pyproject.toml"].replace('version = "1.0"', 'dynamic = ["version"]')
    files["answer.c"] = files["answer.c"].replace("PyInit_answer", "PyInit__answer")
    files |= {"setup.py": SETUP, "questions.txt": QUESTIONS, "check.py": CHECK, "demo/__init__.py": ""}
    write_project(project, {**files, "demo/model.bin": "content", ".gitattributes": "*.bin filter=lfs\n"})
    (project / ".gitignore").write_text("static/\nasked.txt\nbuild/\n*.egg-info/\n")
    git(top, "submodule", "--quiet", "add", str(library), "python/vendor/library")
    git(top, "add", "-A", environ=environ)
    git(top, "commit", "-q", "-m", "all", environ=environ)
    git(top, "tag", "v3.0.0")
    write_project(project, {"demo/static/app.js": "made", "vendor/turbo/turbo.c": "int turbo;\n"})
    git(project / "vendor/turbo", "init", "-q")
    return project


@pytest.mark.parametrize("engine", ["containers", "local"])
def test_git_and_files_are_those_of_the_directory(images: ImageSource, tmp_path: Path, engine: str) -> None:
    """All of it at once, asked for by the project's own `setup.py`: version, files, and every answer of git's."""
    config = tmp_path / "gitconfig"
    config.write_text('[filter "lfs"]\n\tclean = sha256sum\n\tsmudge = cat\n\trequired = true\n')
    environ = {"GIT_CONFIG_GLOBAL": str(config)}
    project = project_with_all(tmp_path / "top", environ)
    expected = [git(project, *line.split(), environ=environ).strip() for line in QUESTIONS.splitlines()]
    assert "dirty" not in expected[0]
    place = images.only(CELL) if engine == "containers" else ("--engine", "local", "--only", CELL)
    variables = {
        **environ,
        "EXPECTED": repr(expected),
        "MATRIX_RUNNER_ENVIRONMENT_PASS": "EXPECTED",
        "MATRIX_RUNNER_TEST_COMMAND": 'python {project}/check.py "$EXPECTED"',
        "GIT_DIR": "/nonexistent",
    }
    ended = run_build(project, tmp_path / "out", *place, **variables)
    assert ended.code == 0, ended.output
    assert [wheel.name.split("-")[1] for wheel in ended.wheels] == ["3.0.0"]
    assert git(project, "status", "--porcelain", environ=environ) == "?? python/vendor/turbo/\n"


@pytest.mark.parametrize("table", ["own", "cibuildwheel"])
def test_a_prepared_image_gets_new_history(images: ImageSource, tmp_path: Path, table: str) -> None:
    """Cells that start from an earlier run's image see today's commit, and unchanged files of then are clean in it."""
    before_all, inputs = 'before-all = "git describe --tags > made.txt"\n', 'before-all-inputs = ["/ci/"]\n'
    files = extension_project(settings=before_all + inputs)
    variables = {}
    if table == "cibuildwheel":
        text = files["pyproject.toml"].replace("[tool.matrix-runner]", "[tool.cibuildwheel]").replace(inputs, "")
        files["pyproject.toml"] = text
        variables["MATRIX_RUNNER_BEFORE_ALL_INPUTS"] = "/ci/"
    files |= {"ci/x": "", ".gitignore": "made.txt\n", "setup.py": SETUP, "questions.txt": "diff-index HEAD\n"}
    files |= {"demo/__init__.py": "", "demo/static/app.js": ""}
    files["pyproject.toml"] = files["pyproject.toml"].replace('version = "1.0"', 'dynamic = ["version"]')
    files["answer.c"] = files["answer.c"].replace("PyInit_answer", "PyInit__answer")
    top = repository(tmp_path / "top")
    # The one below the top of its repository.
    project = write_project(top / "python" if table == "own" else top, files)
    git(top, "tag", "-d", "v1.2")
    commit(top, "fourth", tag="v1.0")
    variables |= {
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "MATRIX_RUNNER_NO_CACHE": "0",
        # Plumbing calls a file modified whose time is not that of the index, whatever its content.
        "MATRIX_RUNNER_TEST_COMMAND": f"""python -c "{NOTHING_CHANGED}" && grep -x v1.0 {{project}}/made.txt""",
    }
    try:
        first = run_build(project, tmp_path / "out-1", *images.only(CELL), **variables)
        assert first.code == 0, first.output
        for path in project.glob("*.c"):
            path.touch()
        write_project(project, {"demo/new.py": ""})
        commit(top, "fifth", tag="v2.0")
        second = run_build(project, tmp_path / "out-2", *images.only(CELL), **variables)
        assert second.code == 0, second.output
        assert "before-all is not run" in second.output
        assert [wheel.name.split("-")[1] for one in (first, second) for wheel in one.wheels] == ["1.0", "2.0"]
    finally:
        clear = runner_argv("cache", "clear", "--yes")
        subprocess.run(clear, env=runner_environ(**variables), check=True, capture_output=True)
