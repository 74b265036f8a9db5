"""The rights of a container: fewer than the engine gives, and the user's own words on them prevail."""

import pytest

from matrix_runner.config.create_args.container_rights import (
    CAPABILITIES,
    PIDS_LIMIT,
    capabilities,
    gains_privileges,
    restricted,
)
from matrix_runner.config.create_args.create_args import parse_create_args

DROPPED_OF_DOCKER = {"MKNOD", "NET_RAW", "SETPCAP"}


def test_without_a_word_of_the_user() -> None:
    """All capabilities go but ours, no program gains rights, processes are limited, and nothing else changes."""
    made = restricted(parse_create_args(("--memory=1g",)))
    assert (made.cap_drop, made.cap_add) == (("ALL",), CAPABILITIES)
    assert made.security_opt == ("no-new-privileges",)
    assert (made.pids_limit, made.usual_pids_limit, made.memory) == (None, PIDS_LIMIT, 1024**3)
    assert not made.privileged
    assert not DROPPED_OF_DOCKER & set(CAPABILITIES)


@pytest.mark.parametrize(
    ("words", "added", "dropped"),
    [
        (("--cap-add=CAP_MKNOD", "--cap-add=net_raw"), (*CAPABILITIES, "MKNOD", "NET_RAW"), ("ALL",)),
        (("--cap-drop=CAP_KILL",), tuple(name for name in CAPABILITIES if name != "KILL"), ("ALL",)),
        (("--cap-drop=ALL",), (), ("ALL",)),
        (("--cap-drop=all", "--cap-add=CHOWN"), ("CHOWN",), ("all",)),
        (("--cap-add=ALL", "--cap-drop=SYS_ADMIN"), ("ALL",), ("SYS_ADMIN",)),
        (("--privileged",), (), ()),
    ],
)
def test_capabilities_that_the_user_names(words: tuple[str, ...], added: tuple[str, ...], dropped: object) -> None:
    """One that is added joins ours, one that is dropped leaves them; `ALL` and `--privileged` mean what they say."""
    made = restricted(parse_create_args(words))
    assert (made.cap_add, made.cap_drop) == (added, dropped)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (("--security-opt=seccomp=unconfined",), ("seccomp=unconfined", "no-new-privileges")),
        (("--security-opt=no-new-privileges=false",), ("no-new-privileges=false",)),
        (("--security-opt=no-new-privileges:true",), ("no-new-privileges:true",)),
        (("--privileged",), ()),
    ],
)
def test_privileges_that_the_user_decides(words: tuple[str, ...], options: tuple[str, ...]) -> None:
    """Other security options join ours; one on the same thing stands alone."""
    assert restricted(parse_create_args(words)).security_opt == options


@pytest.mark.parametrize("limit", [-1, 0, 100])
def test_processes_that_the_user_counts(limit: int) -> None:
    """`--pids-limit` is the user's, also without the rest."""
    assert restricted(parse_create_args((f"--pids-limit={limit}", "--privileged"))).pids_limit == limit


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "the engine's own"),
        (("--cap-add=MKNOD", "--cap-drop=CAP_CHOWN"), "the engine's own +MKNOD -CHOWN"),
        (("--cap-add=ALL", "--cap-drop=SYS_ADMIN"), "all but SYS_ADMIN"),
        (("--cap-add=ALL",), "all"),
        (("--cap-drop=ALL",), "none"),
        (("--privileged", "--cap-drop=ALL"), "all (privileged)"),
    ],
)
def test_capabilities_in_words(words: tuple[str, ...], said: str) -> None:
    """People read which capabilities root has, by what the engine is asked for."""
    assert capabilities(parse_create_args(words)) == said


def test_capabilities_of_a_restricted_container_in_words() -> None:
    """They are named one by one, in the order of the alphabet."""
    assert capabilities(restricted(parse_create_args(("--cap-add=BPF",)))) == " ".join(sorted((*CAPABILITIES, "BPF")))


@pytest.mark.parametrize(
    ("words", "gains"),
    [
        ((), True),
        (("--security-opt=no-new-privileges",), False),
        (("--security-opt=no-new-privileges:true",), False),
        (("--security-opt=no-new-privileges=false",), True),
        (("--security-opt=no-new-privileges", "--security-opt=no-new-privileges:false"), True),
    ],
)
def test_whether_programs_gain_rights(words: tuple[str, ...], *, gains: bool) -> None:
    """The last word on it counts, as Docker has it."""
    assert gains_privileges(parse_create_args(words)) is gains
