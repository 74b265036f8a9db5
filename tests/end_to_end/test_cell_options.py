"""What options make of a cell, in real containers: audit, tool versions, packages below a project, debugging."""

import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from image_source import ImageSource
from runner_process import JSON, report_dir, run_build
from sample_projects import extension_project, stable_abi_project, write_project
from stub_project import ONLY, stub_project

CELL, CELL_32 = "cp311-manylinux_x86_64", "cp311-manylinux_i686"
OLDER = "cp39-manylinux_x86_64"


def log(output: Path, cell: str) -> str:
    """Return what a cell printed."""
    return (report_dir(output) / "logs" / f"{cell}.log").read_text("utf-8")


def steps_of(cell: JSON) -> list[str]:
    """Return the steps that a cell of the report took."""
    return [str(step["step"]) for step in cast("list[JSON]", cell["steps"])]


@pytest.mark.parametrize("platform", ["manylinux_x86_64", "manylinux_i686"])
def test_a_stable_abi_wheel_is_audited_once(images: ImageSource, tmp_path: Path, platform: str) -> None:
    """The cell that builds the abi3 wheel audits it, in 32 bits too; the cell that only tests it does not again."""
    project = write_project(
        tmp_path / "project", stable_abi_project(settings="test-command = \"python -c 'import stable'\"")
    )
    builder, tester = f"cp39-{platform}", f"cp311-{platform}"
    ended = run_build(project, tmp_path / "out", *images.only(builder, tester))
    assert ended.code == 0, ended.output
    assert '"is_abi3": true' in log(tmp_path / "out", builder)
    steps = {name: steps_of(cell) for name, cell in ended.cells.items()}
    assert steps[builder][-5:] == ["audit", "test environment", "install", "test", "publish"]
    assert "audit" not in steps[tester]


def test_a_wheel_that_lies_about_its_abi_is_rejected(images: ImageSource, tmp_path: Path) -> None:
    """Its tag says abi3, its code uses more: exit code 5, the failure names file and symbols, nothing is published."""
    files = stable_abi_project()
    files["stable.c"] = (
        files["stable.c"]
        .replace("#define Py_LIMITED_API 0x03090000\n", "")
        .replace("return PyLong_FromLong(42)", "return PyLong_FromLong(_PyLong_Sign(PyLong_FromLong(42)))")
    )
    ended = run_build(write_project(tmp_path / "project", files), tmp_path / "out", *images.only(OLDER))
    assert ended.code == 5, ended.output
    assert ended.wheels == ()
    failure = ended.cells[OLDER]["failure"]
    assert isinstance(failure, dict)
    assert (failure["step"], failure["reason"]) == ("audit", "rejected")
    assert failure["message"] == "stable.abi3.so uses _PyLong_Sign, not of the stable ABI"
    assert "FAILED  cp39-manylinux_x86_64  in audit" in ended.output


def test_an_audit_of_the_users_own(images: ImageSource, tmp_path: Path) -> None:
    """With `{wheel}` every wheel is audited, by what is required for it; a failure rejects the wheel."""
    settings = """
audit-requires = ["wheel-inspect>=1.7"]
audit-command = "wheel2json {wheel} | grep -c answer && test {project} = /project && python -c 'import answer'"
"""
    project = write_project(tmp_path / "project", extension_project(settings=settings))
    ended = run_build(project, tmp_path / "out", *images.only(CELL))
    assert ended.code == 5, ended.output
    failure = ended.cells[CELL]["failure"]
    assert isinstance(failure, dict)
    assert failure["message"] == "exit status 1: ModuleNotFoundError: No module named 'answer'"


def test_a_package_below_the_project(images: ImageSource, tmp_path: Path) -> None:
    """The whole project is there, the package is built; groups are the package's, test sources the project's."""
    settings = """
before-all = "pwd; ls {package}/answer.c shared/note"
before-build = "pwd"
test-groups = ["check"]
test-sources = ["shared/check.py"]
test-command = "python shared/check.py && test -f {package}/pyproject.toml"
"""
    files = {f"src/pkg/{name}": text for name, text in extension_project(settings=settings).items()}
    files["src/pkg/pyproject.toml"] += '\n[dependency-groups]\ncheck = ["iniconfig"]\n'
    files |= {"shared/note": "", "shared/check.py": "import answer, iniconfig\nassert answer.answer() == 42\n"}
    project = write_project(tmp_path / "project", files)
    ended = run_build(project / "src/pkg", tmp_path / "out", "--project", str(project), *images.only(CELL))
    assert ended.code == 0, ended.output
    said = log(tmp_path / "out", CELL)
    assert "/project\n/project/src/pkg/answer.c\nshared/note\n" in said


def test_cells_differ_in_their_settings(images: ImageSource, tmp_path: Path) -> None:
    """Cells with one `before-all` share it, a cell with another has its own; each has its environment."""
    settings = """
before-all = "echo shared >> /prepared; echo cell: $MATRIX_RUNNER_IDENTIFIER."
environment = { WHO = "all" }
test-environment = { PLACE = "$(basename $VIRTUAL_ENV) of $WHO", PYTHONSAFEPATH = "1" }
before-test = "echo before-test: $PLACE"
test-command = ["cat /prepared", "python -c 'import answer, os; print(os.environ[\\"PLACE\\"])'"]

[[tool.matrix-runner.overrides]]
select = "cp313-*"
before-all = ["echo own >> /prepared", "true"]
environment = { WHO = "one" }
"""
    project = write_project(tmp_path / "project", extension_project(settings=settings))
    other = "cp313-manylinux_x86_64"
    ended = run_build(project, tmp_path / "out", *images.only(OLDER, CELL, other))
    assert ended.code == 0, ended.output
    logs = {cell: log(tmp_path / "out", cell) for cell in (OLDER, CELL, other)}
    assert sorted(text.count("cell: .\n") for text in logs.values()) == [0, 0, 1]
    for cell, prepared, who in ((OLDER, "shared", "all"), (CELL, "shared", "all"), (other, "own", "one")):
        assert f"before-test: test-environment of {who}\n" in logs[cell]
        assert f"\n{prepared}\ntest-environment of {who}\n" in logs[cell]


def test_a_test_environment_that_cannot_be_evaluated(images: ImageSource, tmp_path: Path) -> None:
    """A command in it that fails ends the cell before the wheel is installed; the message names option and variable."""
    settings = 'test-command = "true"\ntest-environment = { A = "1", B = "$(exit 7)" }'
    project = write_project(tmp_path / "project", extension_project(settings=settings))
    ended = run_build(project, tmp_path / "out", *images.only(CELL))
    assert ended.code == 1, ended.output
    failure = ended.cells[CELL]["failure"]
    assert isinstance(failure, dict)
    assert failure["step"] == "environment"
    assert failure["message"] == ("exit status 7: test-environment: a command in the value of B failed: $(exit 7)")


def test_groups_and_extras_on_every_installer(images: ImageSource, tmp_path: Path) -> None:
    """What extras and groups require is there, with uv and with a pip that has never heard of groups."""
    settings = """
test-groups = ["all"]
test-extras = ["more"]
test-command = "python -c 'import answer, six, iniconfig'"
"""
    files = extension_project(settings=settings)
    files["pyproject.toml"] = files["pyproject.toml"].replace(
        'version = "1.0"\n', 'version = "1.0"\noptional-dependencies = { more = ["six"] }\n'
    )
    files["pyproject.toml"] += """
[dependency-groups]
all = [{ include-group = "Just_this" }]
just-this = ["iniconfig<2; python_version >= '3'"]
"""
    project = write_project(tmp_path / "project", files)
    ended = run_build(project, tmp_path / "out", *images.only(OLDER, CELL_32))
    assert ended.code == 0, ended.output


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ('{ packages = ["pip==25.3"] }', "25.3"),
        ('{ file = "tools/versions.txt" }', "26.0.1"),
        ('"pinned"', "26.3"),
    ],
)
def test_versions_of_the_tools(images: ImageSource, tmp_path: Path, versions: str, expected: str) -> None:
    """What the cell installs for itself is of the version asked for; the project's own requirements are not touched."""
    settings = f"dependency-versions = {versions}\ntest-command = 'pip --version'"
    files = extension_project(settings=settings, **{"tools/versions.txt": "pip==26.0.1\nsetuptools==1.0\n"})
    ended = run_build(write_project(tmp_path / "project", files), tmp_path / "out", *images.only(CELL))
    assert ended.code == 0, ended.output
    assert f"pip {expected} from /matrix/test-environment/" in log(tmp_path / "out", CELL)


def test_versions_of_the_frontend(tmp_path: Path) -> None:
    """Where the frontend gets an environment of its own, as on the machine itself, it is of the version asked for."""
    settings = """
build-frontend = "build"
dependency-versions = { packages = ["build==1.2.2"] }
before-build = "python -m build --version"
"""
    stub = stub_project(tmp_path, settings)
    ended = run_build(stub.project, stub.output, "--only", ONLY)
    assert ended.code == 0, ended.output
    (cell,) = ended.cells
    assert "\nbuild 1.2.2 (" in log(stub.output, cell)


def test_a_file_of_versions_that_is_not_there(images: ImageSource, tmp_path: Path) -> None:
    """It fails the cell by name, even where it would not have been used."""
    settings = 'dependency-versions = "tools/versions.txt"'
    project = write_project(tmp_path / "project", extension_project(settings=settings))
    ended = run_build(project, tmp_path / "out", *images.only(CELL))
    assert ended.code == 1, ended.output
    assert "dependency-versions: the project has no file /project/tools/versions.txt" in ended.output


@pytest.mark.parametrize("cell", [CELL, pytest.param(CELL_32, marks=pytest.mark.ground)])
def test_the_container_of_a_failed_cell_is_kept(images: ImageSource, tmp_path: Path, cell: str) -> None:
    """As the image that the hint names; a second failure takes the first one's place; both outlive their runs."""
    settings = 'test-command = "echo attempt > /left && false"'
    project = write_project(tmp_path / "project", extension_project(settings=settings))
    name = f"matrix-runner/debug:{cell}"
    identities = []
    try:
        for attempt in ("first", "second"):
            ended = run_build(project, tmp_path / attempt, "--debug-keep-container", *images.only(cell))
            assert ended.code == 1, ended.output
            failure = ended.cells[cell]["failure"]
            assert isinstance(failure, dict)
            prefix = "linux32 " if cell == CELL_32 else ""
            assert f"its container is kept as the image {name}: the project is in /project" in str(failure["hint"])
            script = (
                "cat /left /project/pyproject.toml; uname -m; /matrix/test-environment/bin/python -c 'import answer'"
            )
            argv = ("docker", "run", "--rm", name, *prefix.split(), "bash", "-c", script)
            said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
            assert said.startswith("attempt\n")
            assert said.endswith("i686\n" if cell == CELL_32 else "x86_64\n")
            inspected = subprocess.run(("docker", "image", "inspect", name), capture_output=True, check=True)
            identities.append(json.loads(inspected.stdout)[0]["Id"])
        first = subprocess.run(("docker", "image", "inspect", identities[0]), capture_output=True, check=False)
        assert identities[0] != identities[1]
        assert first.returncode != 0
    finally:
        subprocess.run(("docker", "image", "rm", "--force", name, *identities), capture_output=True, check=False)


@pytest.fixture(name="bare_image")
def _bare_image() -> Iterator[str]:
    """Give a copy of our own image without uv, whose 3.9 has neither `build` nor today's pip."""
    name = f"matrix-runner-test/bare:{secrets.token_hex(4)}"
    container = name.replace("/", "-").replace(":", "-")
    script = """
rm "$(command -v uv)"
/opt/python/cp39-cp39/bin/python -m pip uninstall --quiet --yes build
/opt/python/cp39-cp39/bin/python -c 'import ensurepip; print(ensurepip.version())'
"""
    image = "matrix-runner/manylinux_2_31_x86_64"
    try:
        subprocess.run(("docker", "run", "--name", container, image, "sh", "-ec", script), check=True)
        subprocess.run(("docker", "commit", container, name), check=True, stdout=subprocess.DEVNULL)
        yield name
    finally:
        subprocess.run(("docker", "rm", "--force", "--volumes", container), check=False, capture_output=True)
        subprocess.run(("docker", "image", "rm", "--force", name), check=False, capture_output=True)


@pytest.mark.own_images
def test_an_image_with_nothing_but_pip(bare_image: str, tmp_path: Path) -> None:
    """Frontend, audit and test get environments by venv and pip; the frontend is of the version that was asked for."""
    settings = """
build-frontend = "build"
dependency-versions = { packages = ["build==1.2.2"] }
before-build = "python -m build --version"
test-groups = ["check"]
test-extras = ["more"]
test-command = "python -m pip --version && python -c 'import stable, six, iniconfig'"
"""
    files = stable_abi_project(settings=settings)
    more = 'version = "1.0"\noptional-dependencies = { more = ["six"] }\n'
    files["pyproject.toml"] = files["pyproject.toml"].replace('version = "1.0"\n', more)
    files["pyproject.toml"] += '\n[dependency-groups]\ncheck = ["iniconfig"]\n'
    project = write_project(tmp_path / "project", files)
    output = tmp_path / "out"
    ended = run_build(project, output, "--only", OLDER, MATRIX_RUNNER_MANYLINUX_X86_64_IMAGE=bare_image)
    assert ended.code == 0, ended.output
    said = log(output, OLDER)
    assert "build 1.2.2 (/matrix/build-environment/" in said
    assert '"is_abi3": true' in said
    assert "uv " not in said
    # The pip that the Python brought along: groups are nothing that it knows.
    (version,) = re.findall(r"^pip (\d+)\S* from /matrix/test-environment/", said, re.MULTILINE)
    assert int(version) < 25


def test_the_directory_of_a_failed_cell_is_kept_on_the_machine(tmp_path: Path) -> None:
    """Without containers it is a copy of the cell's directory, in no run's, whose place the hint names."""
    stub = stub_project(tmp_path, 'test-command = "false"')
    ended = run_build(stub.project, stub.output, "--only", ONLY, "--debug-keep-container", XDG_CACHE_HOME=str(tmp_path))
    assert ended.code == 1, ended.output
    (cell,) = ended.cells
    failure = ended.cells[cell]["failure"]
    assert isinstance(failure, dict)
    kept = Path(str(failure["hint"]).removeprefix("its directory is kept: "))
    assert (kept / "project/pyproject.toml").is_file()
    assert (kept / "matrix/test-environment").is_dir()
    assert kept.name == f"matrix-runner_debug_{cell}"


def test_engine_arguments(images: ImageSource, tmp_path: Path) -> None:
    """What `create-args` ask for is so in the container of each step, and after `before-all` still."""
    settings = """
container-engine = { name = "docker", create-args = ["--add-host", "elsewhere:192.0.2.7", "--env", "GIVEN=from args"] }
before-all = "grep elsewhere /etc/hosts"
test-command = "grep elsewhere /etc/hosts && echo $GIVEN"
"""
    project = write_project(tmp_path / "project", extension_project(settings=settings))
    ended = run_build(project, tmp_path / "out", *images.only(OLDER, CELL))
    assert ended.code == 0, ended.output
    for cell in (OLDER, CELL):
        assert log(tmp_path / "out", cell).count("192.0.2.7") >= 1
        assert "from args\n" in log(tmp_path / "out", cell)


@pytest.mark.own_images
def test_groups_on_python_27(images: ImageSource, tmp_path: Path) -> None:
    """Groups reach the pip of 2.7, which has never heard of them; tools that it needs have their last versions."""
    files = extension_project() | {
        "setup.py": "from setuptools import Extension, setup\n"
        "setup(name='answer', version='1.0', ext_modules=[Extension('answer', ['answer.c'])])\n",
        "pyproject.toml": "[build-system]\nrequires = ['setuptools<45', 'wheel<0.38']\n"
        "[dependency-groups]\ntest = [\"six; python_version < '3'\"]\n"
        "[tool.matrix-runner]\ntest-groups = ['test']\n"
        "test-command = \"python -c 'import answer, six; print(answer.answer())'\"\n",
    }
    cell = "cp27mu-manylinux_x86_64"
    ended = run_build(write_project(tmp_path / "project", files), tmp_path / "out", *images.only(cell))
    assert ended.code == 0, ended.output
    assert "42\n" in log(tmp_path / "out", cell)


def test_what_the_peers_build_scripts_ask_for(images: ImageSource, tmp_path: Path) -> None:
    """A project with cibuildwheel's table finds that tool's variables: the cell's in all steps but before-all."""
    files = extension_project()
    files["pyproject.toml"] = (
        files["pyproject.toml"].replace("[tool.matrix-runner]", "[tool.cibuildwheel]")
        + """
before-all = "echo all: $CIBUILDWHEEL $CIBUILDWHEEL_BUILD_IDENTIFIER."
before-build = "echo build: $CIBUILDWHEEL $CIBUILDWHEEL_BUILD_IDENTIFIER."
test-command = "echo test: $CIBUILDWHEEL $CIBUILDWHEEL_BUILD_IDENTIFIER. && python -c 'import answer'"
"""
    )
    project = write_project(tmp_path / "project", files)
    ended = run_build(project, tmp_path / "out", *images.only(CELL))
    assert ended.code == 0, ended.output
    said = log(tmp_path / "out", CELL)
    assert "all: 1 .\n" in said
    assert f"build: 1 {CELL}.\n" in said
    assert f"test: 1 {CELL}.\n" in said
