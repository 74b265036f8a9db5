"""The rights of a cell's container: capabilities, privileges gained by programs, processes. Pure.

Docker gives root 14 capabilities (docs.docker.com, "Runtime privilege and Linux capabilities"), Podman 11. Installing
packages, building and testing take fewer. What each is kept for was measured: docs/explanation/sandbox.md.
"""

from typing import Final

from msgspec.structs import replace

from matrix_runner.config.create_args.container_arguments import ContainerArguments

CAPABILITIES: Final = (
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETUID",
    "SYS_CHROOT",
)
"""The capabilities that root keeps in a restricted container (capabilities(7)), without the prefix `CAP_`."""

PIDS_LIMIT: Final = 16384
"""Processes and threads of a restricted container: as many as 128 test workers with 128 threads each.

That is half of what the kernel of a small machine has (`pid_max`, 32768), so that no cell takes the last.
"""

ALL: Final = "ALL"
_NEW_PRIVILEGES: Final = "no-new-privileges"


def restricted(arguments: ContainerArguments) -> ContainerArguments:
    """Return the arguments of a container with no more rights than cells need; the user's own words prevail.

    `--cap-add` and `--cap-drop` change our list instead of the engine's; with `ALL` in either, they are taken as they
    are. `--privileged` and `--security-opt no-new-privileges=...` decide on privileges, `--pids-limit` on processes.
    """
    limited = replace(arguments, usual_pids_limit=PIDS_LIMIT)
    if arguments.privileged:
        return limited
    security = arguments.security_opt
    if not any(option.startswith(_NEW_PRIVILEGES) for option in security):
        security = (*security, _NEW_PRIVILEGES)
    return replace(_with_fewer_capabilities(limited), security_opt=security)


def capabilities(arguments: ContainerArguments) -> str:
    """Return the capabilities that root has in a container with these arguments, for people."""
    added, dropped = _plain(arguments.cap_add), _plain(arguments.cap_drop)
    if arguments.privileged:
        return "all (privileged)"
    if ALL in added:
        return " ".join(("all", *(("but", *sorted(set(dropped) - {ALL})) if set(dropped) - {ALL} else ())))
    if ALL in dropped:
        return " ".join(sorted(set(added))) or "none"
    changes = (*(f"+{name}" for name in sorted(set(added))), *(f"-{name}" for name in sorted(set(dropped))))
    return " ".join(("the engine's own", *changes))


def gains_privileges(arguments: ContainerArguments) -> bool:
    """Whether a program in a container with these arguments can gain rights by setuid bits or file capabilities."""
    said = [option for option in arguments.security_opt if option.startswith(_NEW_PRIVILEGES)]
    return not said or said[-1].removeprefix(_NEW_PRIVILEGES).strip(":=").lower() in {"false", "0"}


def _with_fewer_capabilities(arguments: ContainerArguments) -> ContainerArguments:
    added, dropped = _plain(arguments.cap_add), _plain(arguments.cap_drop)
    if ALL in added or ALL in dropped:
        return arguments
    kept = [name for name in CAPABILITIES if name not in dropped]
    return replace(arguments, cap_add=tuple(dict.fromkeys((*kept, *added))), cap_drop=(ALL,))


def _plain(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return names of capabilities as engines compare them: in capitals, without the prefix."""
    return tuple(name.strip().upper().removeprefix("CAP_") for name in names)
