"""The command line, in real processes and by click's runner: what it prints where, and with which exit code it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from runner_process import NO_ENGINE

from matrix_runner import __version__
from matrix_runner.cli import cli
from matrix_runner.cli.wiring.flags import BUILD_FLAGS
from matrix_runner.config.options import FLAGS
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch

COMMANDS = (
    (),
    ("build",),
    ("watch",),
    ("plan",),
    ("matrix",),
    ("collect",),
    ("schema",),
    ("inspect",),
    ("image",),
    ("image", "build"),
    ("image", "list"),
    ("doctor",),
)


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text('[project]\nname = "demo"\nversion = "1"\nrequires-python = ">=3.10"\n')
    return project


def environment(directory: Path, **more: str) -> dict[str, str]:
    """Return variables for a process: nothing of the caller's settings, directories of its own, and no engine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MATRIX_RUNNER_", "DOCKER_"))}
    own = {name: str(directory / name) for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME")}
    return {**kept, **own, **NO_ENGINE, "PYTHONPATH": str(Path(__file__).parents[3]), "COLUMNS": "100", **more}


def runner(directory: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m matrix_runner` in a directory."""
    command = (sys.executable, "-m", "matrix_runner", *arguments)
    return subprocess.run(
        command,
        cwd=directory,
        env=environment(directory, **env),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_the_version_is_told(tmp_path: Path) -> None:
    """`--version` and `-V` print name and version on standard output."""
    for flag in ("--version", "-V"):
        done = runner(tmp_path, flag)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"matrix-runner {__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(command: tuple[str, ...]) -> None:
    """Each command explains itself, with `-h` as with `--help`, in lines that fit the terminal."""
    long = CliRunner().invoke(cli, [*command, "--help"], terminal_width=100)
    short = CliRunner().invoke(cli, [*command, "-h"], terminal_width=100)
    assert long.exit_code == 0
    assert long.output == short.output
    assert long.output.startswith("Usage:")
    assert len(long.output.splitlines()) > 5
    assert max(map(len, long.output.splitlines())) <= 100


def test_help_names_every_flag_of_the_table() -> None:
    """The flags of `build` and `plan` come from the table of options, with its words; `build` has all of them."""
    output = CliRunner().invoke(cli, ["build", "--help"], terminal_width=400).output
    words = " ".join(output.split())
    for flag, option in FLAGS.items():
        assert flag in output
        assert " ".join(option.help.split()) in words
    planning = CliRunner().invoke(cli, ["plan", "--help"]).output
    assert {flag for flag in FLAGS if flag not in planning} == set(BUILD_FLAGS)


_LOADED = """
import sys
from matrix_runner.cli import main
sys.argv = ["runner", *sys.argv[1:]]
try:
    main()
finally:
    heavy = ("docker", "rich", "requests", "urllib3", "elftools", "python_discovery")
    print([name for name in heavy if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [(*command, "--help") for command in COMMANDS] + [("--version",), ("plan", ".")])
def test_help_and_planning_load_no_engine_and_no_terminal(project: Path, arguments: tuple[str, ...]) -> None:
    """What needs neither engine nor terminal imports neither: it answers at once, also where they are broken."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, *arguments],
        cwd=project,
        env=environment(project.parent),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("frobnicate",), "No such command 'frobnicate'"),
        (("plan", "--frobnicate"), "No such option '--frobnicate'"),
        (("plan", "--format", "yaml"), "'yaml' is not one of"),
        (("report", ".", "extra"), "unexpected extra argument"),
        (("plan", "--only"), "requires an argument"),
        ((), "Usage:"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(project: Path, arguments: tuple[str, ...], words: str) -> None:
    """A command or flag that does not exist is told on standard error, with exit code 2."""
    done = runner(project, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["plan", "build"])
def test_each_mistake_in_the_configuration_is_one_line(project: Path, command: str) -> None:
    """File, variable and flag are all read before anything starts; every mistake is a line, and the exit code is 2."""
    with (project / "pyproject.toml").open("a") as file:
        file.write('[tool.matrix-runner]\nbuid = "*"\njobs = "many"\ntest-command = 3\n')
    done = runner(project, command, ".", "--archs", "vax", MATRIX_RUNNER_ENABLE="cobol")
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert len(lines) == 5
    assert lines[0].startswith("pyproject.toml:6: tool.matrix-runner.buid: unknown option (did you mean")
    assert all(line.partition(":")[0] for line in lines)
    assert "Traceback" not in done.stderr
    assert not (project / "wheelhouse").exists()


def test_a_directory_that_is_no_project_is_a_usage_error(tmp_path: Path) -> None:
    """Neither a missing directory nor an empty one is planned."""
    for name in ("missing", "."):
        done = runner(tmp_path, "plan", name)
        assert (done.returncode, done.stdout) == (2, "")
        assert "Traceback" not in done.stderr


def test_nothing_selected_has_a_code_of_its_own(project: Path) -> None:
    """A selection that leaves no cell ends with 3, all that was left out, the likely pattern and where to look."""
    done = runner(project, "plan", ".", "--only", "cp311-manylinux_x86-64")
    assert (done.returncode, done.stdout.splitlines()[0]) == (3, "nothing to build")
    assert "  build = cp311-manylinux_x86-64 (--only) does not match it" in done.stdout.splitlines()
    assert "  cp311-manylinux_x86_64: build = cp311-manylinux_x86-64 (--only) does not match it" in done.stderr
    listed = runner(project, "plan", ".", "--only", "cp311", "--format", "identifiers")
    assert (listed.returncode, listed.stdout) == (3, "")
    assert "did you mean cp311-*?" in listed.stderr
    built = runner(project, "build", ".", "--only", "cp311", "--engine", "local")
    assert (built.returncode, built.stdout) == (3, "")
    assert "did you mean cp311-*?" in built.stderr
    assert "error: no cell is selected" in done.stderr
    assert "hint: `runner plan` lists" in done.stderr
    assert "did you mean cp311-manylinux_x86_64?" in done.stderr


def test_the_plan_as_identifiers(project: Path) -> None:
    """One identifier a line and nothing else, in the catalog's order, so that scripts can read it."""
    done = runner(project, "plan", ".", "--format", "identifiers", "--archs", "x86_64,i686", "--only", "cp31[12]-many*")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "cp311-manylinux_x86_64",
        "cp312-manylinux_x86_64",
        "cp311-manylinux_i686",
        "cp312-manylinux_i686",
    ]


def test_the_plan_as_json(project: Path) -> None:
    """Every cell of the catalog is in the document once: a job with its image, or left out with its reason."""
    done = runner(
        project,
        "plan",
        "--format",
        "json",
        "--archs",
        "all",
        "--skip",
        "*-musllinux_*",
        "--enable",
        "pypy",
        "--image",
        "debian",
    )
    document = json.loads(done.stdout)
    assert (done.returncode, document["version"]) == (0, 1)
    pythons = {"x86_64": ("cp311", "cp313", "cp314", "cp314t", "cp315", "cp315t"), "i686": ("cp311", "cp313")}
    compiled = {
        f"{python}-manylinux_{arch}": f"matrix-runner/manylinux_2_31_{arch}"
        for arch, each in pythons.items()
        for python in each
    }
    foreign = {
        f"cp311-manylinux_{arch}": f"matrix-runner/manylinux_2_36_{arch}"
        for arch in ("aarch64", "armv7l", "ppc64le", "s390x")
    }
    newest = {
        f"{cell}": f"matrix-runner/manylinux_2_41_{cell.rpartition('manylinux_')[2]}"
        for cell in (
            *("pp311-manylinux_x86_64", "pp311-manylinux_aarch64"),
            *("cp313-manylinux_riscv64", "cp313-manylinux_aarch64"),
        )
    }
    assert {job["identifier"]: job["image"] for job in document["jobs"]} == compiled | foreign | newest
    assert document["jobs"][0]["directories"] == ["cp311-cp311"]
    assert document["jobs"][0]["execution"] == "native"
    cells = [entry["identifier"] for entry in (*document["jobs"], *document["left_out"])]
    assert len(set(cells)) == len(cells) > 150
    assert all(str(Cell.parse(cell)) == cell for cell in cells)
    assert all(entry["reason"] for entry in document["left_out"])


def test_the_plan_to_read(project: Path) -> None:
    """What will be built and in which image; then what is left out, grouped by the reason that decides it."""
    done = runner(project, "plan", "--archs", "x86_64", "--only", "cp3?-manylinux* cp31[0-2]-manylinux*")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert lines[0] == "3 to build:"
    assert lines[1].split() == ["cp310-manylinux_x86_64", "quay.io/pypa/manylinux_2_28_x86_64"]
    assert lines[4:6] == ["", "rights in containers:"]
    assert lines[6].startswith("  root with capabilities: AUDIT_WRITE ")
    assert lines[7:9] == ["", f"{lines[8].split()[0]} left out:"]
    assert "  requires-python = >=3.10 (pyproject.toml:4: project.requires-python) excludes it" in lines
    assert "    cp39-manylinux_x86_64" in lines
    assert "  archs = x86_64 (--archs) does not include it" in lines
    assert len([line for line in lines if line.startswith("  archs")]) == 1


def test_the_plan_says_which_rights_are_in_force(project: Path) -> None:
    """Once for all cells, or each with its cells; of cells on the machine itself nothing can be said."""
    (project / "pyproject.toml").write_text(
        (project / "pyproject.toml").read_text("utf-8")
        + '[[tool.matrix-runner.overrides]]\nselect = "cp311-*"\nsandbox = "off"\n',
        encoding="utf-8",
    )
    chosen = ("--archs", "x86_64", "--only", "cp31[0-2]-manylinux*")
    lines = runner(project, "plan", *chosen).stdout.splitlines()
    at = lines.index("rights in containers:")
    ordinary, off = "    cp310-manylinux_x86_64, cp312-manylinux_x86_64", "    cp311-manylinux_x86_64"
    assert (lines[at + 2], lines[at + 4], lines[at + 5]) == (ordinary, off, "")
    assert lines[at + 3].startswith("  root with capabilities: the engine's own;")
    jobs = json.loads(runner(project, "plan", "--json", *chosen).stdout)["jobs"]
    assert [job["rights"]["new_privileges"] for job in jobs] == [False, True, False]
    assert jobs[1]["rights"] == {
        "sandbox": "off",
        "capabilities": "the engine's own",
        "new_privileges": True,
        "processes": None,
        "network": "all",
        "network_name": None,
    }
    local = runner(project, "plan", "--json", "--engine", "local", "--allow-empty")
    assert all(job["rights"] is None for job in json.loads(local.stdout)["jobs"])


def test_the_plan_says_what_wheels_are_tested_on(project: Path) -> None:
    """Of cells that differ, each list with its cells; `explain` says it of one, and whence the option is."""
    (project / "pyproject.toml").write_text(
        (project / "pyproject.toml").read_text("utf-8")
        + '[tool.matrix-runner]\ntest-command = "true"\ntest-on = ["debian:trixie", "alpine:3.22"]\n'
        + '[[tool.matrix-runner.overrides]]\nselect = "cp311-*"\ntest-on = []\n',
        encoding="utf-8",
    )
    chosen = ("--archs", "x86_64", "--only", "cp31[0-1]-manylinux*")
    lines = runner(project, "plan", *chosen).stdout.splitlines()
    at = lines.index("wheels are tested on:")
    assert lines[at + 1 : at + 5] == [
        "  debian:trixie, alpine:3.22",
        "    cp310-manylinux_x86_64",
        "  nothing else",
        "    cp311-manylinux_x86_64",
    ]
    first, second = json.loads(runner(project, "plan", "--json", *chosen).stdout)["jobs"]
    assert [rung["image"] for rung in first["test_on"]] == ["debian:trixie", "alpine:3.22"]
    assert second["test_on"] == []
    explained = runner(project, "explain", "cp310-manylinux_x86_64").stdout
    assert "  tested on: debian:trixie, alpine:3.22" in explained.splitlines()
    machine = json.loads(runner(project, "explain", "cp310-manylinux_x86_64", "--json").stdout)
    assert machine["test_on"][1] == {"name": "alpine:3.22", "image": "alpine:3.22"}


def test_a_strict_sandbox_is_not_left_out_in_silence(project: Path) -> None:
    """This machine itself has none, so none of its cells is built: nobody believes to be protected who is not."""
    done = runner(project, "plan", "--engine", "local", "--sandbox", "strict")
    assert done.returncode == 3
    assert "  sandbox = strict (--sandbox): this machine itself has none" in done.stdout.splitlines()
    done = runner(project, "plan", "--engine", "local", "--network", "none")
    assert done.returncode == 3
    assert "  network = none (--network): that of this machine stays" in done.stdout.splitlines()


def test_the_plan_names_the_cell_that_makes_the_sdist(project: Path) -> None:
    """To read, and as JSON; without the option there is none."""
    chosen = ("--sdist", "--only", "cp31[0-2]-manylinux_x86_64", "--archs", "x86_64,aarch64")
    first = runner(project, "plan", *chosen).stdout.splitlines()[0]
    assert first == "first the sdist, in cp311-manylinux_x86_64, and all wheels from it"
    assert json.loads(runner(project, "plan", "--json", *chosen).stdout)["sdist"] == {
        "made_in": "cp311-manylinux_x86_64"
    }
    assert json.loads(runner(project, "plan", "--json").stdout)["sdist"] is None


def test_flags_and_variables_select_alike(project: Path) -> None:
    """What a flag can say a variable can, and repeated flags add up."""
    flags = runner(
        project, "plan", "--format", "identifiers", "--only", "cp311-*", "--only", "cp312-*", "--archs", "i686"
    )
    variables = runner(
        project,
        "plan",
        "--format",
        "identifiers",
        MATRIX_RUNNER_BUILD="cp311-* cp312-*",
        MATRIX_RUNNER_ARCHS="i686",
    )
    assert flags.stdout == variables.stdout != ""


def test_a_reader_who_has_enough_is_no_error_to_speak_of(project: Path) -> None:
    """Where the pipe is closed (`| head`), the command ends in silence: the plan itself was no failure."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "matrix_runner", "plan", "--format", "json"],
            cwd=project,
            env=environment(project),
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_engine_that_was_asked_for_must_answer(project: Path) -> None:
    """`--engine docker` without a daemon ends with 4, names the endpoint and says what to do; nothing is written."""
    nowhere = {"DOCKER_HOST": "unix:///nonexistent/docker.sock", "MATRIX_RUNNER_ENGINE_TIMEOUT": "0"}
    done = runner(project, "build", "--engine", "docker", **nowhere)
    assert (done.returncode, done.stdout) == (4, "")
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert "unix:///nonexistent/docker.sock" in error
    assert hint.startswith("hint: ")
    assert "--engine local" in hint
    assert not (project / "wheelhouse").exists()


def test_without_its_daemon_auto_is_no_other_build(project: Path) -> None:
    """A variable names a daemon, so containers are wanted: exit code 4, after a wait of which the user was told."""
    nowhere = {"DOCKER_HOST": "unix:///nonexistent/docker.sock", "MATRIX_RUNNER_ENGINE_TIMEOUT": "4"}
    done = runner(project, "build", **nowhere)
    assert done.returncode == 4
    waiting, error, hint = done.stderr.splitlines()
    assert "unix:///nonexistent/docker.sock" in waiting
    assert waiting.endswith("waiting up to 1 s for it")
    assert error.startswith("error: there is no Docker socket")
    assert "--engine local" in hint
    assert not (project / "wheelhouse").exists()


def test_the_doctor_says_what_is_missing(tmp_path: Path) -> None:
    """Without a daemon the doctor says why and what to do, goes on to this machine, and tells its Pythons."""
    done = runner(tmp_path, "doctor", DOCKER_HOST="unix:///nonexistent/docker.sock", PIP_NO_INDEX="1")
    assert "\nArchitectures of this machine\n" in done.stdout
    assert all(f"\n  {arch} " in done.stdout for arch in Arch)
    # A build would wait for that daemon, and fail.
    assert done.returncode == 4
    assert f"matrix-runner {__version__}" in done.stdout
    containers, _, machine = done.stdout.partition("This machine\n")
    assert "unix:///nonexistent/docker.sock" in containers
    assert "  hint: " in containers
    assert f"cp{sys.version_info.major}{sys.version_info.minor}" in machine
    assert done.stderr == ""


def test_every_command_is_found() -> None:
    """The group lists exactly the commands that can be loaded."""
    assert isinstance(cli, click.Group)
    context = click.Context(cli)
    names = cli.list_commands(context)
    assert names == [
        "init",
        "build",
        "watch",
        "plan",
        "explain",
        "matrix",
        "collect",
        "logs",
        "report",
        "shell",
        "migrate",
        "schema",
        "inspect",
        "lock",
        "verify",
        "image",
        "cache",
        "doctor",
        "completion",
    ]
    assert all(isinstance(cli.get_command(context, name), click.Command) for name in names)
    assert cli.get_command(context, "catalog") is None
