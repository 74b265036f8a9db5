"""Projects built from their own `[tool.cibuildwheel]`, by our command, on our own images."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from peer_tool import our_identifiers
from runner_process import run_build

pytestmark = pytest.mark.containers


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """A project, and the variables of the peer that its maintainers would set in CI."""

    name: str
    variables: dict[str, str] = field(default_factory=dict)


BUILDS = (
    # Its section has no tests: its CI runs them.
    Build(
        name="MarkupSafe",
        variables={"CIBW_TEST_COMMAND": "pytest {project}/tests", "CIBW_TEST_REQUIRES": "pytest"},
    ),
    Build(name="kiwisolver"),
    Build(name="multidict"),
)

# What our images have, of what these projects and the peer still know.
IMAGES = {
    "CIBW_BUILD": "cp311-* cp313-*",
    "CIBW_ARCHS": "x86_64 i686",
    "CIBW_SKIP": "*-musllinux*",
    "CIBW_MANYLINUX_X86_64_IMAGE": "debian",
    "CIBW_MANYLINUX_I686_IMAGE": "debian",
}


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.name)
def test_builds_from_the_peers_section(build: Build, configurations: dict[str, Path], tmp_path: Path) -> None:
    """Every cell of the plan leaves a wheel that has passed the project's own tests."""
    variables = {**IMAGES, **build.variables}
    configuration = configurations[build.name]
    planned = our_identifiers(configuration, None, variables).lines
    assert len(planned) == 4
    ended = run_build(configuration.with_suffix(".tar.gz"), tmp_path / "wheelhouse", **variables)
    assert ended.code == 0, ended.output
    assert set(ended.cells) == set(planned)
    for identifier, cell in ended.cells.items():
        wheel = cast("dict[str, object]", cell["wheel"])
        assert (ended.directory / str(wheel["name"])).is_file(), identifier
        steps = cast("list[dict[str, object]]", cell["steps"])
        assert {"install", "test"} <= {step["step"] for step in steps}, identifier
