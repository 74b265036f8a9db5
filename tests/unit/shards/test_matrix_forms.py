"""The forms of `runner matrix`: as the published schemas of the CI systems want them, and within their limits."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from matrix_runner.errors import UsageError
from matrix_runner.model.cells import Cell
from matrix_runner.shards.ci_machines import MatrixForm
from matrix_runner.shards.matrix_forms.github_matrix import github_matrix
from matrix_runner.shards.matrix_forms.matrix_document import read_document, shard_name
from matrix_runner.shards.matrix_forms.pipelines import (
    PipelineProject,
    buildkite_pipeline,
    gitlab_pipeline,
    travis_jobs,
)
from matrix_runner.shards.matrix_forms.yaml_text import yaml_text
from matrix_runner.shards.shard_plan import Shard


def shard(number: int, machine: str, *cells: str, emulators: tuple[str, ...] = ()) -> Shard:
    """Return a shard of two."""
    return Shard(
        number=number, count=2, machine=machine, emulators=emulators, cells=tuple(map(Cell.parse, cells)), seconds=1.0
    )


ONE, TWO, BIG = "cp311-manylinux_x86_64", "cp313-manylinux_i686", "cp311-manylinux_s390x"
SHARDS = (shard(1, "amd64", ONE, TWO), shard(2, "amd64", BIG, emulators=("s390x",)))
DOCUMENT = {"version": 1, "project": "", "sdist": False}
PROJECT = PipelineProject(words=("python/bindings", "--image", "debian"))


def check(schema: str, text: str, directory: Path) -> None:
    """Hold a file against a published schema, as check-jsonschema has it."""
    file = directory / "file.yml"
    file.write_text(text)
    argv = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_matrix_of_a_workflow(tmp_path: Path) -> None:
    """One line for `fromJSON`, of which the workflow's schema takes the entries; several labels are a list."""
    line = github_matrix((*SHARDS, shard(1, "self-hosted,arm", ONE)))
    assert "\n" not in line
    matrix = json.loads(line)
    assert matrix["include"][0] == {"shard": "amd64-1", "runner": "amd64", "emulators": "", "only": f"{ONE} {TWO}"}
    assert matrix["include"][1]["emulators"] == "s390x"
    assert matrix["include"][2]["runner"] == ["self-hosted", "arm"]
    step = {"run": "runner build"}
    job = {"runs-on": "${{ matrix.runner }}", "strategy": {"matrix": matrix}, "steps": [step]}
    check("vendor.github-workflows", yaml.safe_dump({"name": "wheels", "on": "push", "jobs": {"build": job}}), tmp_path)
    assert MatrixForm.GITHUB.most == 256


def test_the_child_pipeline_of_gitlab(tmp_path: Path) -> None:
    """Its jobs have unlike names and directories, and the last one collects from them; more jobs can follow it."""
    text = gitlab_pipeline(SHARDS, PROJECT)
    published = text + 'publish:\n  stage: publish\n  script: ["twine upload wheelhouse/*"]\n'
    check("vendor.gitlab-ci", published, tmp_path)
    pipeline = yaml.safe_load(published)
    stages = pipeline.pop("stages")
    assert {job["stage"] for job in pipeline.values()} == set(stages)
    builds = [pipeline[f"wheels {shard_name(one)}"] for one in SHARDS]
    assert builds[0]["tags"] == ["amd64"]
    paths = [path for build in builds for path in build["artifacts"]["paths"]]
    assert paths == ["shards/amd64-1/", "shards/amd64-2/"]
    words = shlex.split(builds[0]["script"][-1])
    assert words[:4] == ["runner", "build", "--only", f"{ONE} {TWO}"]
    assert words[4:] == ["--output-dir", "shards/amd64-1/wheelhouse", "python/bindings", "--image", "debian"]
    words = shlex.split(pipeline["collect"]["script"][-1])
    assert words[:6] == ["runner", "collect", "shards", "--check", "--only", f"{ONE} {TWO} {BIG}"]
    assert words[6:] == ["--package", "python/bindings", "--image", "debian"]


def test_the_jobs_of_travis(tmp_path: Path) -> None:
    """A part of the file; jobs hand on their directories in workspaces, and set up emulators."""
    text = "os: linux\nlanguage: python\n" + travis_jobs(SHARDS, PROJECT)
    check("vendor.travis", text, tmp_path)
    *builds, collect = yaml.safe_load(text)["jobs"]["include"]
    assert [build["arch"] for build in builds] == ["amd64", "amd64"]
    created = [build["workspaces"]["create"]["name"] for build in builds]
    assert created == collect["workspaces"]["use"] == ["amd64-1", "amd64-2"]
    assert builds[1]["script"][0].endswith("--install s390x")


def test_the_steps_of_buildkite(tmp_path: Path) -> None:
    """The last one depends on all others, and loads what they have uploaded."""
    text = buildkite_pipeline((shard(1, "ubuntu-24.04", ONE),), PipelineProject(words=("--image", "a$b")))
    check("vendor.buildkite", text, tmp_path)
    build, collect = json.loads(text)["steps"]
    assert build["key"] == "ubuntu-24:04-1"
    assert collect["depends_on"] == [build["key"]]
    assert build["agents"] == {"queue": "ubuntu-24.04"}
    # The agent replaces variables when it uploads.
    assert "'a$$b'" in build["command"][-1]


def test_several_packages_are_options_of_the_command_that_collects() -> None:
    """Its arguments are directories."""
    words = ("core", "plugins/fast", "--archs", "x86_64")
    pipeline = yaml.safe_load(gitlab_pipeline(SHARDS, PipelineProject(words=words)))
    found = shlex.split(pipeline["collect"]["script"][-1])
    assert found[6:] == ["--package", "core", "--package", "plugins/fast", "--archs", "x86_64"]


def test_keys_of_steps_differ_as_names_do() -> None:
    """Those of queues that differ in a character that keys do not have, too."""
    text = buildkite_pipeline((shard(1, "a.b", ONE), shard(1, "a_b", TWO)), PipelineProject())
    keys = [step["key"] for step in json.loads(text)["steps"]]
    assert len(set(keys)) == len(keys) == 3


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("vendor.gitlab-ci", gitlab_pipeline((), PROJECT)),
        ("vendor.travis", "os: linux\nlanguage: python\n" + travis_jobs((), PROJECT)),
        ("vendor.buildkite", buildkite_pipeline((), PROJECT)),
    ],
)
def test_a_plan_without_a_cell_has_a_job_that_says_so(schema: str, text: str, tmp_path: Path) -> None:
    """No system takes a pipeline without a job, and to collect nothing is refused."""
    check(schema, text, tmp_path)
    assert "no cell is selected" in text
    assert "runner collect" not in text


@pytest.mark.parametrize(
    "value",
    [
        {"a": "x: y", "b c": ["- z", {"d": True, "e": []}, {}], "f": {"g": {"h": 3}}, "null": ""},
        {"on": ["yes", "no", "1.0", "#", "a\nb", "\t", "ä", "{}", "*x", "&y"]},
    ],
)
def test_yaml_says_what_was_meant(value: dict[str, object]) -> None:
    """A reader of YAML gets the value back."""
    assert yaml.safe_load(yaml_text(value)) == value  # type: ignore[arg-type]


def test_shards_have_plain_names() -> None:
    """Of files and artifacts, whatever a machine is called."""
    assert shard_name(shard(2, "self-hosted, ARM/64", ONE)) == "self-hosted-ARM-64-2"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "is no document of `runner matrix`"),
        ('{"version": 1, "project": "", "sdist": false, "cells": []}', "expects no cell"),
        ('{"version": 2, "project": "", "sdist": false, "cells": []}', "is of version 2"),
        (json.dumps(DOCUMENT | {"cells": [], "project_version": "one"}), "Invalid version: 'one'"),
        ('{"version": 2, "new": "form"}', "is of version 2; this program reads version 1"),
        (
            json.dumps(DOCUMENT | {"cells": [{"identifier": "cp311-manylinux_i686"}] * 2}),
            "contradicts itself: it has the cell cp311-manylinux_i686 2 times",
        ),
        (
            json.dumps(
                DOCUMENT
                | {
                    "cells": [{"identifier": "core:cp311-manylinux_i686"}],
                    "packages": [{"name": "plugin", "project": "", "sdist": False}],
                }
            ),
            "the cell core:cp311-manylinux_i686 is of no package in it",
        ),
        (
            '{"version": 1, "project": "", "sdist": false, "cells": [{"identifier": "vax"}]}',
            "unknown interpreter 'vax'",
        ),
        ('{"version": ' + "[" * 5000, "is no document"),
    ],
)
def test_a_document_that_is_none(text: str, words: str) -> None:
    """It may be anybody's."""
    with pytest.raises(UsageError, match=words):
        read_document(text.encode(), "matrix.json")
