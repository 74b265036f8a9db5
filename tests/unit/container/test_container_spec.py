"""The specification of a cell's container."""

from pathlib import Path

import pytest
from planning import job_for, settings_with

from matrix_runner.catalog import load
from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.config.kinds.values import BuildFrontend, ContainerEngine, EngineChoice, Frontend
from matrix_runner.config.options.build_options import BUILD_FRONTEND
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import CONTAINER_ENGINE, MEMORY
from matrix_runner.container.container_spec import container_spec
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.engine.api import ResolvedImage
from matrix_runner.engine.docker.host_config import host_config

PLACE = "/matrix/isolated"


def tmpfs(values: dict[Option[object], object]) -> object:
    """Return what the daemon is asked for."""
    job = job_for("cp311-manylinux_x86_64", load(), settings_with(values))
    volumes = ProjectVolumes(project=Path("/p"), owner="o", run="r")
    spec = container_spec(job, ResolvedImage(reference="image", id="sha256:1"), volumes)
    return host_config(spec.arguments).get("Tmpfs")


def engine(arguments: ContainerArguments) -> dict[Option[object], object]:
    """Return settings with create-args."""
    return {CONTAINER_ENGINE: ContainerEngine(name=EngineChoice.AUTO, arguments=arguments)}


def test_the_environment_of_a_build_is_in_memory() -> None:
    """From there programs are started; a user's own file systems in memory are there as well, or in its place."""
    found = tmpfs({})
    assert isinstance(found, dict)
    assert "exec" in found[PLACE].split(",")
    assert "size=268435456" in found[PLACE].split(",")
    assert tmpfs(engine(ContainerArguments(tmpfs=(("/scratch", ""),)))) == {**found, "/scratch": ""}
    assert tmpfs(engine(ContainerArguments(tmpfs=((PLACE, "size=1g,exec"),)))) == {PLACE: "size=1g,exec"}


@pytest.mark.parametrize(
    "values",
    [
        {MEMORY: 2**30},
        engine(ContainerArguments(memory=2**30)),
        {BUILD_FRONTEND: BuildFrontend(name=Frontend.UV)},
        {BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD)},
    ],
)
def test_memory_that_is_limited_is_the_cells_own(values: dict[Option[object], object]) -> None:
    """Nor is any taken for a frontend that puts nothing there."""
    assert tmpfs(values) is None
