"""What is built need not be a project's top directory: a package below it, or an sdist."""

import subprocess
from pathlib import Path

from image_source import ImageSource
from runner_process import run_build, runner_argv, runner_environ
from sample_projects import extension_project, write_project
from sdist_making import write_tar

CELL = "cp311-manylinux_x86_64"

SETTINGS = """\
before-build = "cp {project}/shared/answer.h {package}/answer.h && cp {project}/shared/mark {package}/mark"
test-command = "python {package}/check.py && test -f {project}/shared/mark && test ! -e {project}/out"
environment = { WHERE = "$(basename $PWD)" }
"""


def test_a_package_below_the_project(images: ImageSource, tmp_path: Path) -> None:
    """All of the project goes along, commands find both by name, and an output directory within it does not."""
    files = extension_project(settings=SETTINGS)
    files["answer.c"] = '#include "answer.h"\n' + files["answer.c"].replace("PyLong_FromLong(42)", "PyLong_FromLong(N)")
    files["check.py"] = "import answer\nassert answer.answer() == 43\n"
    project = tmp_path / "project"
    write_project(project, {f"packages/answer/{name}": text for name, text in files.items()})
    write_project(project, {"shared/answer.h": "#define N 43\n", "shared/mark": "", "out/logs/left.log": "old"})
    package = project / "packages" / "answer"
    ended = run_build(package, project / "out", "--project", str(project), *images.only(CELL))
    assert ended.code == 0, ended.output
    assert [wheel.name.partition("-")[0] for wheel in ended.wheels] == ["answer"]
    assert not (package / "answer.h").exists()


def test_an_sdist(images: ImageSource, tmp_path: Path) -> None:
    """An archive is built like the directory in it, with its own settings; it is left as it was."""
    files = extension_project(settings="""test-command = "python {project}/check.py && test -f {package}/PKG-INFO" """)
    files |= {"check.py": "import answer\nassert answer.answer() == 42\n", "PKG-INFO": "Metadata-Version: 2.1\n"}
    members = {f"answer-1.0/{name}": text.encode() for name, text in files.items()}
    sdist = write_tar(tmp_path / "answer-1.0.tar.gz", files=members)
    before = sdist.read_bytes()
    ended = run_build(sdist, tmp_path / "out", *images.only(CELL))
    assert ended.code == 0, ended.output
    assert [wheel.name.partition("-")[0] for wheel in ended.wheels] == ["answer"]
    assert sdist.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answer-1.0.tar.gz", "out", "out-report"]


def test_the_same_command_builds_the_same_wheel_after_a_migration(images: ImageSource, tmp_path: Path) -> None:
    """Cibuildwheel's table takes the directory of the command for the project; ours says which one it was."""
    files = extension_project(settings="""test-command = "test -f {project}/shared/answer.h" """)
    files["answer.c"] = '#include "../shared/answer.h"\n' + files["answer.c"].replace("FromLong(42)", "FromLong(N)")
    files["pyproject.toml"] = files["pyproject.toml"].replace("[tool.matrix-runner]", "[tool.cibuildwheel]")
    project = write_project(tmp_path / "project", {f"python/{name}": text for name, text in files.items()})
    write_project(project, {"shared/answer.h": "#define N 43\n"})
    made = []
    for output in ("before", "after"):
        argv = runner_argv("build", "python", "--output-dir", tmp_path / output, *images.only(CELL))
        done = subprocess.run(argv, cwd=project, env=runner_environ(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        made += [(wheel.name, wheel.read_bytes()) for wheel in (tmp_path / output).iterdir()]
        if output == "before":
            subprocess.run(runner_argv("migrate", "python", "--yes"), cwd=project, env=runner_environ(), check=True)
    assert made[0] == made[1]
