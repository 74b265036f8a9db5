"""`runner matrix` for projects of the package index, as their sdists are published: every cell is in one job."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from index_sdists import fetch_sdists, unpack_sdist
from runner_process import NO_ENGINE, run_command

pytestmark = pytest.mark.network

PROJECTS = ("markupsafe", "msgpack", "simplejson", "wrapt", "zfec")
ARCHS = ("--archs", "x86_64 i686 aarch64")


@pytest.fixture(name="sdists", scope="module")
def _sdists(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return fetch_sdists(tmp_path_factory.mktemp("index") / "sdists", PROJECTS, environ=dict(os.environ))


def jobs_of(form: str, text: str) -> Iterator[str]:
    """Yield what each job that builds has of cells, in its words."""
    content = yaml.safe_load(text)
    match form:
        case "github":
            yield from (entry["only"] for entry in content["include"])
        case "gitlab":
            yield from (job["script"][-1] for name, job in content.items() if name.startswith("wheels "))
        case "buildkite":
            yield from (step["command"][-1] for step in content["steps"] if step["key"] != "collect")
        case "travis":
            yield from (job["script"][-1] for job in content["jobs"]["include"] if job["stage"] == "wheels")
        case _:
            yield from (" ".join(shard["cells"]) for shard in content["shards"])


@pytest.mark.parametrize("project", PROJECTS)
def test_every_cell_is_in_one_job(project: str, sdists: dict[str, Path], tmp_path: Path) -> None:
    """Of six, which differ by one cell at most where nothing is known; four of them on x86_64."""
    package = unpack_sdist(sdists[project], tmp_path)
    variables = {**NO_ENGINE, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    cells = run_command("plan", package, *ARCHS, "--format", "identifiers", **variables).stdout.split()
    assert len(cells) > 20
    for form in ("json", "github", "gitlab", "travis", "buildkite"):
        done = run_command("matrix", package, *ARCHS, "--format", form, "--shards", "6", **variables)
        assert done.returncode == 0, done.stderr
        jobs = [
            [word for word in text.replace("'", " ").split() if word in cells] for text in jobs_of(form, done.stdout)
        ]
        assert sorted(cell for job in jobs for cell in job) == sorted(cells)
        assert len(jobs) == 6
        assert max(map(len, jobs)) - min(map(len, jobs)) <= 1
        if form == "github":
            machines = [entry["runner"] for entry in json.loads(done.stdout)["include"]]
            assert (machines.count("ubuntu-24.04"), machines.count("ubuntu-24.04-arm")) == (4, 2)
