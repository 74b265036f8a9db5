"""Commands in a workspace: whose cells are planned, what is refused, and what CI jobs get."""

import json
import subprocess
from pathlib import Path

import pytest
from examined import Examined, examine, quiet_environ
from runner_process import NO_ENGINE, runner_argv, runner_environ
from sample_projects import write_project
from sample_workspace import sample_workspace

SETTINGS = 'build = "cp311-manylinux_*"\narchs = ["x86_64", "i686"]'
SQUARES = ("cp311-manylinux_x86_64", "cp311-manylinux_i686")


@pytest.fixture(name="top")
def _top(tmp_path: Path) -> Path:
    return write_project(tmp_path / "top", sample_workspace(SETTINGS))


def runner(directory: Path, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run a command in a directory."""
    environ = runner_environ(XDG_CACHE_HOME=str(directory.parent / "cache"), **NO_ENGINE)
    return subprocess.run(
        runner_argv(*arguments), cwd=directory, env=environ, capture_output=True, text=True, check=False
    )


def planned(directory: Path, *arguments: str) -> list[str]:
    """Return the identifiers of a plan."""
    done = runner(directory, "plan", "--format", "identifiers", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def cells(*packages: str) -> list[str]:
    """Return the identifiers of packages."""
    return [f"{package}:{square}" for package in packages for square in SQUARES]


def test_the_top_means_all_packages_in_the_order_of_their_needs(top: Path) -> None:
    """The plan's JSON names what each cell waits for."""
    assert planned(top) == cells("sample-core", "sample-plugin", "lone")
    document = json.loads(runner(top, "plan", "--json").stdout)
    assert {job["identifier"]: job["needs"] for job in document["jobs"] if job["needs"]} == {
        f"sample-plugin:{square}": [f"sample-core:{square}"] for square in SQUARES
    }
    assert [package["name"] for package in document["packages"]] == ["sample-core", "sample-plugin", "lone"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("plugin",), cells("sample-core", "sample-plugin")),
        (("lone",), cells("lone")),
        (("lone", "core"), cells("sample-core", "lone")),
        (
            ("--only", "sample-plugin:cp311-manylinux_i686"),
            ["sample-core:cp311-manylinux_i686", "sample-plugin:cp311-manylinux_i686"],
        ),
        (("--skip", "lone:* *_i686"), ["sample-core:cp311-manylinux_x86_64", "sample-plugin:cp311-manylinux_x86_64"]),
    ],
)
def test_some_packages_bring_what_they_need(top: Path, words: tuple[str, ...], expected: list[str]) -> None:
    """And nothing else, whether they are named by directory or by a pattern of cells."""
    assert planned(top, *words) == expected


def test_a_package_means_the_same_from_within(top: Path) -> None:
    """Its workspace is found from there."""
    assert planned(top / "plugin") == cells("sample-core", "sample-plugin")


def test_packages_of_no_workspace_are_built_together_too(top: Path) -> None:
    """Then each has its own settings alone."""
    (top / "pyproject.toml").unlink()
    found = planned(top, "core", "plugin", "--only", "cp311-manylinux_x86_64")
    assert found == ["sample-core:cp311-manylinux_x86_64", "sample-plugin:cp311-manylinux_x86_64"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("plan", "--sdist"), "sample-plugin needs sample-core of this run, and its sdist (sdist: --sdist) is made"),
        (("plan", "--network", "build-requires"), "installs no code of a project where there is a network"),
        (("plan", "lone", ".."), "is not of the workspace in"),
        (("lock",), "is a workspace, and this command is about one package"),
        (("collect", ".", "--also", "sdist"), "of which package of the workspace, it does not say"),
        (
            ("collect", ".", "--also", "core:sdist"),
            "is about the package 'core', and those that are expected are sample-",
        ),
    ],
)
def test_what_cannot_be_done_is_told(top: Path, words: tuple[str, ...], text: str) -> None:
    """With exit code 2, before anything starts."""
    done = runner(top, *words)
    assert done.returncode == 2
    assert text in done.stderr


def test_what_was_made_elsewhere_is_of_the_package_that_is_named(top: Path) -> None:
    """And not of those that it needs; at the top each has its name in front."""
    of_one = runner(top, "collect", ".", "--package", "plugin", "--also", "sdist")
    assert "error: the sdist of sample-plugin is missing\n" in of_one.stderr
    assert "the sdist of sample-core" not in of_one.stderr
    of_all = runner(top, "collect", ".", "--also", "{sample-core,lone}:sdist")
    assert [line for line in of_all.stderr.splitlines() if "sdist" in line] == [
        "error: the sdist of sample-core is missing",
        "error: the sdist of lone is missing",
    ]


def test_a_pattern_of_no_package_is_told(top: Path) -> None:
    """With the name that was probably meant."""
    done = runner(top, "plan", "--only", "sample_core:*", "--allow-empty")
    assert "sample_core:* (--only) is of no package of the workspace; did you mean sample-core?" in done.stderr


def test_an_option_of_runs_in_a_packages_table_is_told(top: Path) -> None:
    """It has no effect there."""
    path = top / "lone/pyproject.toml"
    path.write_text(path.read_text().replace("[tool.matrix-runner]", '[tool.matrix-runner]\noutput-dir = "dist"'))
    done = runner(top, "plan")
    assert "note: lone: output-dir (lone/pyproject.toml:" in done.stderr
    assert "is for a run of that package alone" in done.stderr


def test_jobs_keep_together_what_needs_each_other(top: Path) -> None:
    """And the document says what is expected of each package."""
    document = json.loads(runner(top, "matrix", "--shards", "3").stdout)
    shards = sorted(tuple(shard["cells"]) for shard in document["shards"])
    assert shards == sorted(
        [
            ("lone:cp311-manylinux_x86_64", "lone:cp311-manylinux_i686"),
            *((f"sample-core:{square}", f"sample-plugin:{square}") for square in SQUARES),
        ]
    )
    assert [package["project"] for package in document["packages"]] == ["Sample.Core", "sample-plugin", "lone"]


def test_a_cell_is_explained_at_the_top(top: Path) -> None:
    """By the package in front; in the package itself it may be left out."""
    for words in ((f"lone:{SQUARES[0]}",), (SQUARES[0], "lone")):
        done = runner(top, "explain", *words)
        assert done.stdout.startswith(f"lone:{SQUARES[0]} is built"), done.stderr


def examined(top: Path, *arguments: str) -> Examined:
    """Examine the workspace, without an engine."""
    home = top.parent / "home"
    home.mkdir(exist_ok=True)
    return examine(top, quiet_environ(home), *arguments)


def test_the_doctor_looks_at_each_package(top: Path) -> None:
    """With their cells; of one that is named, and what it needs."""
    seen = examined(top, "--only", "cp311-manylinux_x86_64")
    cells = {str(one["about"]): one["facts"] for one in seen.verdicts if one["name"] == "package"}
    assert cells == {name: {"cells": 1} for name in ("sample-core", "sample-plugin", "lone")}
    assert seen.of("project")["plan"]["facts"] == {"cells": 3, "in_containers": True}
    seen = examined(top, "plugin", "--only", "cp311-manylinux_x86_64")
    cells = {str(one["about"]): one["facts"] for one in seen.verdicts if one["name"] == "package"}
    assert cells == {"sample-core": {"cells": 1}, "sample-plugin": {"cells": 1}, "lone": {"cells": 0}}


def test_the_doctor_tells_the_mistakes_of_all_packages(top: Path) -> None:
    """Each with its file; one in the table at the top once, and what is wrong with all together."""
    for name in ("core", "plugin"):
        file = top / name / "pyproject.toml"
        text = file.read_text()
        section = "" if "[tool.matrix-runner]" in text else "\n[tool.matrix-runner]"
        file.write_text(f'{text}{section}\ntset-command = "x"\n')
    seen = examined(top)
    wrong = [one for one in seen.verdicts if one["name"] == "configuration-wrong"]
    files = sorted(str(one["text"]).partition(":")[0] for one in wrong)
    assert files == ["core/pyproject.toml", "plugin/pyproject.toml"]
    # Nothing but the configuration is wrong with this machine, except that it has no engine.
    assert {one["topic"] for one in seen.verdicts if one["level"] == "error"} == {"project", "engines"}
    file = top / "pyproject.toml"
    file.write_text(file.read_text().replace("[tool.matrix-runner]", '[tool.matrix-runner]\narchs = ["amd64"]'))
    wrong = [one for one in examined(top).verdicts if one["name"] == "configuration-wrong"]
    assert [str(one["text"]).partition(":")[0] for one in wrong].count("pyproject.toml") == 1
