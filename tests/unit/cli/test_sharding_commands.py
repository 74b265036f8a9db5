"""`runner matrix`, `runner build --shard` and `runner collect`, as a person and a CI job run them."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from runner_process import EXAMPLE, NO_ENGINE, runner_argv, runner_environ
from shard_outputs import ShardOutput, wheel_name

from matrix_runner import catalog
from matrix_runner.cli.sharding.shard_flags import WantedShard
from matrix_runner.cli.wiring.opened_project import open_project, planned_place
from matrix_runner.cli.workspaces.packages_plan import plan_packages
from matrix_runner.matrix import Plan

A, B, C = "cp311-manylinux_x86_64", "cp313-manylinux_x86_64", "cp313-manylinux_i686"
PROJECT = '[project]\nname = "demo"\nversion = "1"\nrequires-python = ">=3.11"\n'


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(PROJECT)
    return project


def runner(directory: Path, *arguments: str | Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in a directory, with nothing of this machine's own times."""
    environ = runner_environ(XDG_CACHE_HOME=str(directory.parent / "cache"), **NO_ENGINE, **variables)
    return subprocess.run(
        runner_argv(*arguments), cwd=directory, env=environ, capture_output=True, text=True, check=False
    )


def planned(project: Path, *flags: str) -> Plan:
    """Return the plan of a project for two platforms."""
    with open_project(project, None, None, {"archs": ("x86_64 i686",)}) as opened:
        packages = plan_packages(opened, catalog.load(), planned_place(opened.settings).host)
        for flag in flags:
            number, _, count = flag.partition("/")
            packages = WantedShard(number=int(number), count=int(count)).part_of(packages)
        return packages.plan


def test_the_shards_of_a_build_are_the_plan(project: Path) -> None:
    """Each cell is in exactly one of them, and left out of the others with a reason."""
    whole = planned(project)
    parts = [planned(project, f"{number}/3") for number in (1, 2, 3)]
    assert sorted(str(job.cell) for part in parts for job in part.jobs) == sorted(str(job.cell) for job in whole.jobs)
    for number, part in enumerate(parts, start=1):
        assert len(part.jobs) + len(part.left_out) == len(whole.jobs) + len(whole.left_out)
        reasons = {left.reason for left in part.left_out[len(whole.left_out) :]}
        assert reasons == {f"--shard {number}/3: another shard has it"}


@pytest.mark.parametrize("form", ["github", "gitlab", "travis", "buildkite", "json"])
def test_every_cell_of_the_example_is_in_one_job(form: str, tmp_path: Path) -> None:
    """In each form, on native machines, and the same in the next call; standard output has nothing else."""
    wanted = ("matrix", EXAMPLE, "--format", form, "--archs", "x86_64 i686 aarch64", "--shards", "5")
    done = runner(tmp_path, *wanted)
    assert (done.returncode, done.stderr) == (0, "")
    assert runner(tmp_path, *wanted).stdout == done.stdout
    content = yaml.safe_load(done.stdout)
    match form:
        case "github":
            texts = [entry["only"] for entry in content["include"]]
            assert {entry["runner"] for entry in content["include"]} == {"ubuntu-24.04", "ubuntu-24.04-arm"}
        case "gitlab":
            texts = [job["script"][1] for name, job in content.items() if name.startswith("wheels ")]
        case "travis":
            texts = [job["script"][0] for job in content["jobs"]["include"][:-1]]
        case "buildkite":
            texts = [step["command"][1] for step in content["steps"][:-1]]
        case _:
            texts = [" ".join(shard["cells"]) for shard in content["shards"]]
    assert len(texts) == 5
    plan = runner(tmp_path, "plan", EXAMPLE, "--archs", "x86_64 i686 aarch64", "--format", "identifiers")
    cells = plan.stdout.split()
    found = [word for text in texts for word in text.replace("'", " ").split() if word in cells]
    assert sorted(found) == sorted(cells)


def test_a_matrix_for_github_is_an_output_of_its_step(project: Path, tmp_path: Path) -> None:
    """And under 256 jobs, whatever there is to build."""
    output = tmp_path / "output"
    done = runner(
        project, "matrix", "--format", "github", "--archs", "all", "--enable", "all", GITHUB_OUTPUT=str(output)
    )
    assert done.returncode == 0, done.stderr
    lines = output.read_text().splitlines()
    assert lines[0].startswith("matrix<<")
    assert json.loads(lines[1]) == json.loads(done.stdout)
    assert 100 < len(json.loads(done.stdout)["include"]) <= 256
    assert len(done.stdout) < 1024**2, "an output of a job has a megabyte at most"
    assert "note: archs" not in done.stderr
    of_this_machine = runner(project, "matrix", "--format", "github")
    assert 'note: archs = ["auto"] means ' in of_this_machine.stderr
    too_many = runner(project, "matrix", "--format", "github", "--shards", "257")
    assert too_many.returncode == 2
    assert "error: --shards 257: github takes 256 jobs at most" in too_many.stderr


def test_times_of_an_earlier_run(project: Path, tmp_path: Path) -> None:
    """Cells are packed by them; one that was never seen counts as much as the others on average."""
    output = ShardOutput(tmp_path / "artifacts", 1)
    output.passed(A)
    report = output.report / "report.json"
    content = json.loads(report.read_text())
    content["cells"][0]["seconds"] = 500.0
    content["cells"].append({**content["cells"][0], "cell": B, "seconds": 10.0})
    report.write_text(json.dumps(content))
    flags = ("--only", "cp31[1-4]-manylinux_x86_64", "--archs", "x86_64", "--shards", "2")
    done = runner(project, "matrix", *flags, "--times", report)
    assert done.returncode == 0, done.stderr
    shards = json.loads(done.stdout)["shards"]
    assert [shard["cells"] for shard in shards] == [[A, B], ["cp312-manylinux_x86_64", "cp314-manylinux_x86_64"]]
    assert [shard["seconds"] for shard in shards] == [510.0, 510.0]
    wrong = runner(project, "matrix", "--times", project / "pyproject.toml")
    assert (wrong.returncode, "no report.json" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("build", "--shard", "0/2"), "'0/2' is no shard: 2/3 is the second of three"),
        (("build", "--shard", "3/2"), "is no shard"),
        (("build", "--shard", "half"), "is no shard"),
        (("build", "--times", "."), "--times is about the packing of shards"),
        (("matrix", "--runner", "aarch64"), "is not ARCH=MACHINE"),
        (("matrix", "--runner", "vax=mine"), "unknown architecture"),
        (("matrix", "--runner", "x86_64=a,,b"), "has a label without a letter or a digit"),
        (("matrix", "--runner", "x86_64=a\nb"), "has a label without a letter or a digit, or with a control character"),
        (
            ("collect", ".", "--output-dir", "out/wheels", "--report-dir", "out"),
            "would be in the report directory, out",
        ),
        (("collect", ".", "--output-dir", "out", "--report-dir", "out"), "would be in the report directory, out"),
        (("collect", ".", "--also", "core:sdist"), "no package of a workspace is expected"),
        (
            ("matrix", "--archs", "x86_64 aarch64", "--runner", "x86_64=a b", "--runner", "aarch64=a/b"),
            "'a b' and 'a/b' are alike as names of files",
        ),
        (("matrix", "--shards", "1", "--archs", "x86_64 aarch64"), "each needs a shard"),
        (("collect",), "Missing argument 'DIR...'"),
        (("collect", "none"), "none is no directory"),
        (("collect", ".", "--expect", "pyproject.toml"), "pyproject.toml is no document of `runner matrix`"),
    ],
)
def test_a_mistake_on_the_command_line(project: Path, arguments: tuple[str, ...], words: str) -> None:
    """Is told, with exit code 2 and without a traceback."""
    done = runner(project, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_collecting_by_the_plan_of_a_project(project: Path, tmp_path: Path) -> None:
    """Merged into the output directory of the project; refused with a line for each thing, and exit code 5."""
    one, two = (ShardOutput(tmp_path / "artifacts", number) for number in (1, 2))
    one.passed(A)
    two.passed(C)
    flags = ("--check", "--archs", "x86_64 i686", "--only", f"{A} {B} {C}")
    done = runner(project, "collect", tmp_path / "artifacts", *flags)
    assert (done.returncode, done.stdout) == (5, "")
    assert f"error: {B} is missing: there is no wheel of it, and no report of a run\n" in done.stderr
    assert "nothing was written: 1 wrong with 2 wheels for 3 cells, of demo 1.0\n" in done.stderr
    assert not (project / "wheelhouse").exists()
    lenient = runner(project, "collect", tmp_path / "artifacts", *flags, "--no-check", "--output-dir", "some")
    assert lenient.returncode == 0, lenient.stderr
    assert f"warning: {B} is missing" in lenient.stderr
    two.passed(B)
    done = runner(project, "collect", tmp_path / "artifacts", *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 wheels for 3 cells, of demo 1.0, in ")
    assert sorted(path.name for path in (project / "wheelhouse").iterdir()) == sorted(map(wheel_name, (A, B, C)))
    report = json.loads((project / "wheelhouse-report" / "report.json").read_text())
    assert [cell["cell"] for cell in report["cells"]] == [A, B, C]
    assert any("does not match" in left["reason"] for left in report["left_out"])
    again = runner(project, "collect", tmp_path / "artifacts", *flags)
    assert again.returncode == 4
    assert "hint: Remove it, or name another with --output-dir." in again.stderr


def test_collecting_without_a_checkout(project: Path, tmp_path: Path) -> None:
    """By the document of the matrix; on a page of the CI system it stands, too, if it is refused."""
    document = tmp_path / "matrix.json"
    document.write_text(runner(project, "matrix", "--only", f"{A} {C}").stdout)
    ShardOutput(tmp_path / "artifacts", 1).passed(A)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    flags = ("artifacts", "--check", "--expect", "matrix.json", "--output-dir", "elsewhere/dist")
    summary = tmp_path / "summary.md"
    done = runner(tmp_path, "collect", *flags, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 5
    assert f"{C} is missing" in summary.read_text()
    assert "::error title=matrix-runner::" in done.stderr
    ShardOutput(tmp_path / "artifacts", 2).passed(C)
    done = runner(tmp_path, "collect", *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("/elsewhere/dist; their report is in elsewhere/dist-report\n")
    assert (elsewhere / "dist-report" / "report.html").is_file()
    for besides in (("--only", A), ("--package", "project"), ("--project", "."), ("--config-file", "other.toml")):
        both = runner(tmp_path, "collect", *flags, *besides)
        assert both.returncode == 2
        assert f"--expect says which cells are expected, and so does {besides[0]}" in both.stderr
    done = runner(tmp_path, "collect", *flags[:-2], MATRIX_RUNNER_OUTPUT_DIR="by-variable")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "by-variable-report" / "report.html").is_file()


def test_artifacts_of_another_version(project: Path, tmp_path: Path) -> None:
    """A whole set, of last week's run: the project says what it is of now, and so does the document, and `accept`."""
    ShardOutput(tmp_path / "artifacts", 1).passed(A)
    (project / "pyproject.toml").write_text(PROJECT.replace('"1"', '"1.1"'))
    flags = ("--only", A, "--archs", "x86_64")
    (tmp_path / "matrix.json").write_text(runner(project, "matrix", *flags).stdout)
    expected = "error: the files are of demo 1.0, and the project here is of version 1.1\n"
    assert expected in runner(project, "collect", "../artifacts", *flags).stderr
    assert expected in runner(tmp_path, "collect", "artifacts", "--expect", "matrix.json").stderr
    for text in (
        PROJECT.replace('version = "1"', 'dynamic = ["version"]'),
        PROJECT.replace('"1"', '"1.1"') + '[tool.matrix-runner]\naccept = ["other-version"]\n',
    ):
        (project / "pyproject.toml").write_text(text)
        done = runner(project, "collect", "../artifacts", *flags, "--output-dir", f"dist{len(text)}")
        assert done.returncode == 0, done.stderr


def test_nobody_is_told_to_remove_what_jobs_have_made(project: Path, tmp_path: Path) -> None:
    """Where that is the output directory, too."""
    output = ShardOutput(tmp_path / "artifacts", 1)
    output.passed(A)
    flags = ("--only", A, "--archs", "x86_64", "--output-dir", output.wheels)
    done = runner(project, "collect", tmp_path / "artifacts", *flags)
    assert done.returncode == 4
    assert "hint: Name another with --output-dir: this one is, or holds, what is collected." in done.stderr


def test_times_that_cannot_be_read_are_told_by_their_file(project: Path, tmp_path: Path) -> None:
    """Of several, which one."""
    output = ShardOutput(tmp_path / "artifacts", 1)
    output.passed(A)
    (tmp_path / "empty.json").write_text("")
    done = runner(project, "matrix", "--times", output.report, "--times", tmp_path / "empty.json")
    assert done.returncode == 2
    assert f"error: {tmp_path}/empty.json: this is no report.json of matrix-runner" in done.stderr
