"""Pipelines of GitLab, Travis CI and Buildkite: a job a shard, and one that collects what they made. Pure."""

import json
from collections.abc import Sequence
from itertools import takewhile
from shlex import join
from typing import Final

import msgspec

from matrix_runner.shards.matrix_forms.matrix_document import shard_name
from matrix_runner.shards.matrix_forms.yaml_text import YAMLValue, yaml_text
from matrix_runner.shards.shard_plan import Shard

_INSTALL: Final = "pip install matrix-runner"
_DIRECTORY: Final = "shards"
"""What the jobs hand on: a directory of each shard, with its wheels and its report."""
_NOTHING: Final = "echo 'no cell is selected: there is nothing to build, and nothing to publish'"
"""What the last job does where nothing is built: no system takes a pipeline without a job."""
_IMAGE: Final = "python:3.13"


class PipelineProject(msgspec.Struct, frozen=True, kw_only=True):
    """What a pipeline must know of a project. `words`: those of the command line that every command needs."""

    words: tuple[str, ...] = ()

    def build(self, shard: Shard) -> str:
        """Return the command that builds a shard. Cells are named one by one: the job needs nothing to agree on."""
        only = " ".join(map(str, shard.cells))
        output = f"{_DIRECTORY}/{shard_name(shard)}/wheelhouse"
        return join(("runner", "build", "--only", only, "--output-dir", output, *self.words))

    def collect(self, shards: Sequence[Shard]) -> str:
        """Return the command that collects and checks what all shards made."""
        only = " ".join(str(cell) for shard in shards for cell in shard.cells)
        return join(("runner", "collect", _DIRECTORY, "--check", "--only", only, *_of_package(self.words)))


def _of_package(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words for a command whose arguments are directories: packages are an option of it."""
    packages = tuple(takewhile(lambda word: not word.startswith("-"), words))
    return (*(word for package in packages for word in ("--package", package)), *words[len(packages) :])


def gitlab_pipeline(shards: Sequence[Shard], project: PipelineProject) -> str:
    """Return a child pipeline (docs.gitlab.com, "Downstream pipelines"); more jobs may follow, in stage `publish`."""
    jobs: dict[str, YAMLValue] = {}
    for shard in shards:
        name = shard_name(shard)
        jobs[f"wheels {name}"] = {
            "stage": "wheels",
            "image": _IMAGE,
            "tags": shard.machine.split(","),
            # As in the file of `runner init`: an engine in a service of this job, without TLS in the job's own network.
            "services": [{"name": "docker:dind", "command": ["--tls=false"]}],
            "variables": {"DOCKER_HOST": "tcp://docker:2375", "DOCKER_TLS_CERTDIR": "", "GIT_DEPTH": "0"},
            "interruptible": True,
            "script": [_INSTALL, project.build(shard)],
            "artifacts": {
                "when": "always",
                "paths": [f"{_DIRECTORY}/{name}/"],
                "reports": {"junit": f"{_DIRECTORY}/{name}/wheelhouse-report/junit.xml"},
            },
        }
    collect: YAMLValue = {
        "stage": "collect",
        "image": _IMAGE,
        "script": [_INSTALL, project.collect(shards)],
        "artifacts": {"paths": ["wheelhouse/", "wheelhouse-report/"]},
    }
    if not shards:
        collect = {"stage": "collect", "image": _IMAGE, "script": [_NOTHING]}
    return yaml_text({"stages": ["wheels", "collect", "publish"], **jobs, "collect": collect})


def travis_jobs(shards: Sequence[Shard], project: PipelineProject) -> str:
    """Return the part `jobs` of a .travis.yml, which has to be in the file: Travis reads no other."""
    jobs: list[YAMLValue] = []
    for shard in shards:
        name = shard_name(shard)
        emulators = ",".join(shard.emulators)
        emulate = [f"docker run --privileged --rm tonistiigi/binfmt --install {emulators}"] if emulators else []
        jobs.append(
            {
                "stage": "wheels",
                "name": name,
                "arch": shard.machine,
                "script": [*emulate, project.build(shard)],
                "workspaces": {"create": {"name": name, "paths": [f"{_DIRECTORY}/{name}"]}},
            }
        )
    collect: YAMLValue = {
        "stage": "collect",
        "name": "collect",
        "script": project.collect(shards),
        "workspaces": {"use": [shard_name(shard) for shard in shards]},
    }
    nothing: YAMLValue = {"stage": "collect", "name": "collect", "script": _NOTHING}
    return yaml_text({"jobs": {"include": [*jobs, collect] if shards else [nothing]}})


def buildkite_pipeline(shards: Sequence[Shard], project: PipelineProject) -> str:
    """Return the steps of a pipeline, for `buildkite-agent pipeline upload`."""
    steps: list[YAMLValue] = []
    for shard in shards:
        name = shard_name(shard)
        emulators = ",".join(shard.emulators)
        emulate = [f"docker run --privileged --rm tonistiigi/binfmt --install {emulators}"] if emulators else []
        steps.append(
            {
                "label": f"wheels {name}",
                "key": _key(name),
                "agents": {"queue": shard.machine},
                "command": [_INSTALL, *emulate, project.build(shard)],
                "artifact_paths": [f"{_DIRECTORY}/{name}/**/*"],
            }
        )
    steps.append(
        {
            "label": "collect",
            "key": "collect",
            "depends_on": [_key(shard_name(shard)) for shard in shards],
            "command": [
                _INSTALL,
                join(("buildkite-agent", "artifact", "download", f"{_DIRECTORY}/**/*", ".")),
                project.collect(shards),
            ],
            "artifact_paths": ["wheelhouse/*", "wheelhouse-report/**/*"],
        }
    )
    if not shards:
        steps = [{"label": "collect", "key": "collect", "command": [_NOTHING]}]
    # The agent replaces variables in it.
    return json.dumps({"steps": steps}, indent=2).replace("$", "$$") + "\n"


def _key(name: str) -> str:
    """Return the key of a step: letters, digits, underscores, dashes and colons only (buildkite.com/docs).

    Names have no colons: keys of different names differ.
    """
    return name.replace(".", ":")
