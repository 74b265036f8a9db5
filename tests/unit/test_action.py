"""The GitHub action: its scripts, run as the runner runs them, with a program that writes down how it was called."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from runner_process import REPOSITORY

from matrix_runner.model.outcomes import Report
from matrix_runner.report.ci.github_outputs import outputs_at_end, outputs_at_start

ACTION = yaml.safe_load((REPOSITORY / "action.yml").read_text("utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"] if "name" in step}


USES = re.compile(r"^\s*(?:- )?uses: (?P<action>[\w/-]+)@(?P<pin>\S+)(?: # v(?P<version>[\d.]+))?$", re.MULTILINE)
RUN = ("action.yml", *(f".github/workflows/{path.name}" for path in (REPOSITORY / ".github/workflows").iterdir()))
SHOWN = (
    "docs/how-to/migrating.md",
    "docs/how-to/caches.md",
    "docs/how-to/ci.md",
    "docs/how-to/shards.md",
    "example-project/.github/workflows/wheels.yml",
)


def used(*files: str) -> set[tuple[str, str, str | None]]:
    """Return the actions that files use: name, what they are pinned by, and the version that a comment names."""
    texts = ((REPOSITORY / file).read_text("utf-8") for file in files)
    return {(hit["action"], hit["pin"], hit["version"]) for text in texts for hit in USES.finditer(text)}


def script(name: str, directory: Path, inputs: dict[str, str]) -> tuple[dict[str, str], str]:
    """Return the variables and the script of a step, its expressions evaluated for these inputs."""

    def value(expression: str) -> str:
        for term in expression.strip("${ }").split(" || "):
            found = {
                "github.action_path": "/action",
                "runner.temp": str(directory),
                "steps.python.outputs.python-path": "",
            }.get(term, inputs.get(term.removeprefix("inputs."), term.strip("'") if term.startswith("'") else ""))
            if found:
                return found
        return ""

    step = STEPS[name]
    env = {key: re.sub(r"\$\{\{.*?\}\}", lambda hit: value(hit[0]), text) for key, text in step["env"].items()}
    assert "${{" not in step["run"], "an input could become part of the script"
    return env, step["run"]


def called(directory: Path, program: str, name: str, inputs: dict[str, str]) -> list[str]:
    """Run a step; return the arguments that the program in the environment got."""
    place = directory / program
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >>{directory}/arguments\n")
    place.chmod(0o755)
    env, run = script(name, directory, inputs)
    subprocess.run(["bash", "-eo", "pipefail", "-c", run], env={"PATH": "/usr/bin:/bin", **env}, check=True)
    return (directory / "arguments").read_text().splitlines()


def test_the_action_hands_on_all_outputs_of_a_build() -> None:
    """Each that the program writes is one of the action."""
    report = Report(run="r", outcomes=(), seconds=0.0)
    written = {**outputs_at_start(output_dir="", report_dir=""), **outputs_at_end(report)}
    assert {name: each["value"] for name, each in ACTION["outputs"].items()} == {
        name: f"${{{{ steps.build.outputs.{name} }}}}" for name in written
    }


def test_no_input_has_a_default() -> None:
    """A flag outranks pyproject.toml and variables, so what the workflow does not say is not said."""
    assert {name: each["default"] for name, each in ACTION["inputs"].items() if each["default"]} == {}


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({}, ["build", "--", "."]),
        ({"archs": "x86_64 i686"}, ["build", "--archs=x86_64 i686", "--", "."]),
        (
            {"package-dir": "python", "project": ".", "config-file": "{package}/wheels.toml", "jobs": "3"},
            ["build", "--project=.", "--config-file={package}/wheels.toml", "--jobs=3", "--", "python"],
        ),
        ({"cache-dir": ".cache here"}, ["build", "--cache-dir=.cache here", "--", "."]),
        (
            {"only": "cp3*", "skip": "*$(id)*", "output-dir": "out; id", "report-dir": "r", "enable": "pypy"},
            ["build", "--only=cp3*", "--skip=*$(id)*", "--enable=pypy", "--output-dir=out; id", "--report-dir=r", "--"],
        ),
    ],
)
def test_only_what_is_set_is_passed_on(tmp_path: Path, inputs: dict[str, str], expected: list[str]) -> None:
    """Each input is one argument as it is, whatever a shell would make of it."""
    arguments = called(tmp_path, "matrix-runner/bin/runner", "Build wheels", inputs)
    assert arguments[: len(expected)] == expected


def test_extras_and_the_python_of_the_user(tmp_path: Path) -> None:
    """`python-path` is what the environment is made with; `extras` are those of the package."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$1 $2" >>{tmp_path}/arguments\n')
    python.chmod(0o755)
    inputs = {"python-path": str(python), "extras": "remote,local"}
    made, *installed = called(tmp_path, "matrix-runner/bin/python", "Install matrix-runner", inputs)
    assert made == "-m venv"
    assert installed[-1] == "/action[remote,local]"
    assert script("Install matrix-runner", tmp_path, {})[0]["PYTHON"] == "python3"
    assert script("Install matrix-runner", tmp_path, {})[0]["EXTRAS"] == ""


def test_actions_are_pinned_by_one_commit_each() -> None:
    """A tag can be moved. The comment says which release it is, and examples show the same major version."""
    ours = used(*RUN)
    assert {action for action, _, _ in ours} >= {"actions/checkout", "actions/setup-python", "actions/upload-artifact"}
    assert len(ours) == len({action for action, _, _ in ours})
    assert [one for one in ours if not (re.fullmatch(r"[0-9a-f]{40}", one[1]) and one[2])] == []
    majors = {action: (version or "").partition(".")[0] for action, _, version in ours}
    assert int(majors["actions/setup-python"]) >= 7
    assert int(majors["actions/checkout"]) >= 6
    shown = [(action, pin) for action, pin, _ in used(*SHOWN) if action in majors]
    assert len(shown) >= 3
    assert [one for one in shown if one[1] != f"v{majors[one[0]]}"] == []


def test_what_is_saved_is_restored() -> None:
    """The same place, under a key of which the next run's beginning finds the latest; saved however the build ended."""
    restore, save = STEPS["Restore the cache"], STEPS["Save the cache"]
    assert {name: save["with"][name] for name in ("path", "key")} == {
        name: restore["with"][name] for name in ("path", "key")
    }
    assert save["with"]["key"] == restore["with"]["restore-keys"] + "${{ github.run_id }}-${{ github.run_attempt }}"
    assert (restore["if"], save["if"]) == ("inputs.cache-dir != ''", "always() && inputs.cache-dir != ''")
    names = [step.get("name") for step in ACTION["runs"]["steps"]]
    assert names.index("Restore the cache") < names.index("Build wheels") < names.index("Save the cache")
