"""The sandbox of a cell: what the engine is asked for, what people are told of it, what is kept apart."""

from pathlib import Path

import pytest
from planning import engine_with, job_for, settings_with

from matrix_runner.catalog import load
from matrix_runner.config.create_args.container_rights import CAPABILITIES
from matrix_runner.config.kinds.values import CompilerCache, CompilerCacheChoice, Sandbox
from matrix_runner.config.options.cache_options import COMPILER_CACHE
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import CONTAINER_ENGINE, SANDBOX
from matrix_runner.container.container_spec import container_spec
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.container.sandbox import rights_of
from matrix_runner.engine.api import ContainerSpec, ResolvedImage
from matrix_runner.engine.docker.host_config import host_config

Values = dict[Option[object], object]


def spec_of(values: Values) -> ContainerSpec:
    """Return the container of a cell."""
    job = job_for("cp311-manylinux_x86_64", load(), settings_with(values))
    volumes = ProjectVolumes(project=Path("/p"), owner="o", run="r")
    return container_spec(job, ResolvedImage(reference="image", id="sha256:1"), volumes)


@pytest.mark.parametrize("values", [{}, {SANDBOX: Sandbox.STRICT}])
def test_containers_are_restricted(values: Values) -> None:
    """By default, and for a strict sandbox, in which `before-all` is root's."""
    asked = host_config(spec_of(values).arguments)
    assert (asked["CapDrop"], asked["CapAdd"]) == (["ALL"], list(CAPABILITIES))
    assert (asked["SecurityOpt"], asked["PidsLimit"]) == (["no-new-privileges"], 16384)


def test_off_asks_for_nothing() -> None:
    """Then the engine's own rights hold, and what create-args say."""
    asked = host_config(spec_of({SANDBOX: Sandbox.OFF, CONTAINER_ENGINE: engine_with("--cap-add=MKNOD")}).arguments)
    assert asked["CapAdd"] == ["MKNOD"]
    assert not {"CapDrop", "SecurityOpt", "PidsLimit"} & asked.keys()


def test_no_volume_is_roots_and_the_users() -> None:
    """Neither could change the other's files, and root must not trust the user's."""
    cached: Values = {COMPILER_CACHE: CompilerCacheChoice(name=CompilerCache.CCACHE)}
    default, off, strict = ({one.name for one in spec_of({**cached, SANDBOX: each}).volumes} for each in ORDERED)
    assert default == off
    # With the one for what is fetched, which a default cell has none of.
    assert len(strict) == 4
    assert not default & strict


ORDERED = (Sandbox.DEFAULT, Sandbox.OFF, Sandbox.STRICT)


IN_DEFAULT = "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETUID SYS_CHROOT"
NETWORK = "network: as the engine has it"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, ("root with capabilities: " + IN_DEFAULT, "no program gains rights", "at most 16384 processes", NETWORK)),
        (
            {SANDBOX: Sandbox.OFF, CONTAINER_ENGINE: engine_with("--network=none")},
            (
                "root with capabilities: the engine's own",
                "setuid programs gain rights",
                "any number of processes",
                "network: none",
            ),
        ),
        (
            {CONTAINER_ENGINE: engine_with("--privileged", "--pids-limit=-1")},
            (
                "root with capabilities: all (privileged)",
                "setuid programs gain rights",
                "any number of processes",
                NETWORK,
            ),
        ),
        (
            {SANDBOX: Sandbox.STRICT, CONTAINER_ENGINE: engine_with("--cap-drop=ALL", "--pids-limit=9")},
            (
                "before-all as root with capabilities: none",
                "all else as a user without any",
                "no program gains rights",
                "at most 9 processes",
                f"{NETWORK}, for before-all and installers only",
            ),
        ),
    ],
)
def test_rights_in_words(values: Values, said: tuple[str, ...]) -> None:
    """A plan says what is in force, not which option says so."""
    assert rights_of(settings_with(values)).text == "; ".join(said)
