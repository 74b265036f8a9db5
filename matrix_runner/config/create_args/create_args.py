"""Parsing of `create-args`: a table of `docker create`'s options, each supported, ignored or refused.

The engine is driven over its HTTP API, without Docker's command line, so each option has a row in a table: its parsed
value, or the reason for its refusal. An unlisted option is refused: an error is better than a silent omission.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from matrix_runner.config.create_args import create_arg_mounts as mounts
from matrix_runner.config.create_args import create_arg_values as values
from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.config.mistakes import Finding, InvalidValue, did_you_mean, quote

__all__ = ["ContainerArguments", "parse_create_args"]

_Apply = Callable[[ContainerArguments, str], ContainerArguments]


class _Argument(msgspec.Struct, frozen=True, kw_only=True):
    """An option of the table. `apply` adds its value to the arguments so far and raises InvalidValue."""

    apply: _Apply
    short: str = ""
    is_switch: bool = False
    is_known: bool = True


_Given = tuple[str, str, _Argument]
"""An option as written, its value, and its row."""


def parse_create_args(words: tuple[str, ...]) -> ContainerArguments:
    """Parse the words. Raise InvalidValue with a finding for each unknown, malformed or unsupported one."""
    result = ContainerArguments(words=words)
    findings: list[Finding] = []
    for shown, value, argument in _arguments(words):
        try:
            result = argument.apply(result, value)
        except InvalidValue as bad:  # noqa: PERF203  finding every mistake is what this is for
            findings += [Finding(text=f"{shown}: {found.text}") for found in bad.findings]
    if findings:
        raise InvalidValue(*findings)
    return result


def _arguments(words: tuple[str, ...]) -> Iterator[_Given]:
    rest = iter(words)
    is_known = True
    for word in rest:
        if word.startswith("-") and word not in {"-", "--"}:
            found = tuple(_long(word, rest) if word.startswith("--") else _short(word, rest))
            is_known = all(argument.is_known for _, _, argument in found)
            yield from found
        elif is_known:
            yield quote(word), "", _refused("expected an option of docker create")
        else:
            # Most likely the value of the preceding unknown option, which has been reported.
            is_known = True


def _long(word: str, rest: Iterator[str]) -> Iterator[_Given]:
    name, equals, value = word.removeprefix("--").partition("=")
    argument = _ARGUMENTS.get(name)
    if argument is None:
        yield quote(f"--{name}"), value, _unknown(did_you_mean(f"--{name}", (f"--{known}" for known in _ARGUMENTS)))
    elif argument.is_switch:
        yield f"--{name}", value if equals else "true", argument
    else:
        yield f"--{name}", *_valued(value if equals else next(rest, None), argument)


def _short(word: str, rest: Iterator[str]) -> Iterator[_Given]:
    """Read `-e X`, `-eX`, `-e=X`, and switches in one word: `-it`."""
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        argument = _SHORT.get(letter, _unknown())
        if argument.is_switch:
            yield f"-{letter}", "true", argument
        elif not argument.is_known:
            yield quote(word), letters, argument
            return
        else:
            yield f"-{letter}", *_valued(letters.removeprefix("=") if letters else next(rest, None), argument)
            return


def _valued(value: str | None, argument: _Argument) -> tuple[str, _Argument]:
    return ("", _refused("needs a value")) if value is None else (value, argument)


def _unknown(near: str = "") -> _Argument:
    return replace(_refused(f"this tool has no equivalent for it{near}"), is_known=False)


def _refused(reason: str, *, short: str = "", is_switch: bool = False) -> _Argument:
    """Make the row of an unsupported option."""

    def apply(so_far: ContainerArguments, text: str) -> ContainerArguments:
        if is_switch and not values.boolean(text):
            return so_far
        raise InvalidValue.because(reason)

    return _Argument(apply=apply, short=short, is_switch=is_switch)


def _ignored(shown: str, reason: str, *, short: str = "", is_switch: bool = False) -> _Argument:
    """Make the row of an option without effect here; adds a warning with the reason."""

    def apply(so_far: ContainerArguments, _: str) -> ContainerArguments:
        warning = f"{shown} in create-args is ignored: {reason}"
        return replace(so_far, warnings=tuple(dict.fromkeys((*so_far.warnings, warning))))

    return _Argument(apply=apply, short=short, is_switch=is_switch)


def _as_it_is(*, short: str = "") -> _Argument:
    """Make the row of a switch for behaviour that is always on."""
    return _Argument(apply=lambda so_far, _: so_far, short=short, is_switch=True)


def _user(so_far: ContainerArguments, text: str) -> ContainerArguments:
    if text not in {"root", "0", "root:root", "0:0"}:
        raise InvalidValue.because(f"the steps of a cell run as root in its container, got {quote(text)}")
    return so_far


def _entrypoint(so_far: ContainerArguments, text: str) -> ContainerArguments:
    if text:
        raise InvalidValue.because(
            "the container's first process is this tool's own; use before-all for what it should do"
        )
    return so_far


def _volume(so_far: ContainerArguments, text: str) -> ContainerArguments:
    bind, anonymous = mounts.volume(text)
    if anonymous:
        return replace(so_far, anonymous_volumes=(*so_far.anonymous_volumes, anonymous))
    return replace(so_far, binds=(*so_far.binds, bind))


def _ipc(so_far: ContainerArguments, text: str) -> ContainerArguments:
    if not text.startswith("container:"):
        values.one_of(text, ("none", "private", "shareable", "host"), "mode")
    return replace(so_far, ipc=text)


_OURS: Final = "it is this tool's to say"
_NO_PORTS: Final = "nothing outside has to reach a cell; --network=host shares the machine's network"
_NETWORK: Final = _Argument(apply=lambda a, x: replace(a, network=values.network(x)))

_ARGUMENTS: Final[dict[str, _Argument]] = {
    "add-host": _Argument(apply=lambda a, x: replace(a, add_hosts=(*a.add_hosts, values.host_entry(x)))),
    "attach": _refused("input and output of the container's first process are this tool's own", short="a"),
    "cap-add": _Argument(apply=lambda a, x: replace(a, cap_add=(*a.cap_add, values.filled(x)))),
    "cap-drop": _Argument(apply=lambda a, x: replace(a, cap_drop=(*a.cap_drop, values.filled(x)))),
    "cgroup-parent": _Argument(apply=lambda a, x: replace(a, cgroup_parent=values.filled(x))),
    "cgroupns": _Argument(apply=lambda a, x: replace(a, cgroupns=values.one_of(x, ("host", "private"), "mode"))),
    "cidfile": _refused("containers are removed when their cell ends, so their ids are of no use"),
    "cpu-shares": _Argument(apply=lambda a, x: replace(a, cpu_shares=values.whole(x)), short="c"),
    "cpus": _Argument(apply=lambda a, x: replace(a, nano_cpus=values.cpus(x))),
    "cpuset-cpus": _Argument(apply=lambda a, x: replace(a, cpuset_cpus=values.cpuset(x))),
    "cpuset-mems": _Argument(apply=lambda a, x: replace(a, cpuset_mems=values.cpuset(x))),
    "device": _Argument(apply=lambda a, x: replace(a, devices=(*a.devices, values.device(x)))),
    "dns": _Argument(apply=lambda a, x: replace(a, dns=(*a.dns, values.filled(x)))),
    "dns-option": _Argument(apply=lambda a, x: replace(a, dns_options=(*a.dns_options, values.filled(x)))),
    "dns-search": _Argument(apply=lambda a, x: replace(a, dns_search=(*a.dns_search, values.filled(x)))),
    "entrypoint": _Argument(apply=_entrypoint),
    "env": _Argument(apply=lambda a, x: replace(a, env=(*a.env, values.variable(x))), short="e"),
    "env-file": _refused("files of variables are not read; use --env=NAME=VALUE, or the option environment"),
    "expose": _refused(_NO_PORTS),
    "gpus": _Argument(apply=lambda a, x: replace(a, gpus=(*a.gpus, values.gpus(x)))),
    "group-add": _Argument(apply=lambda a, x: replace(a, group_add=(*a.group_add, values.filled(x)))),
    "hostname": _Argument(apply=lambda a, x: replace(a, hostname=values.filled(x)), short="h"),
    "init": _ignored("--init", "the container's first process takes care of orphans itself", is_switch=True),
    "interactive": _as_it_is(short="i"),
    "ipc": _Argument(apply=_ipc),
    "label": _Argument(apply=lambda a, x: replace(a, labels=(*a.labels, values.label(x))), short="l"),
    "label-file": _refused("files of labels are not read; use --label=NAME=VALUE"),
    "log-driver": _ignored("--log-driver", "output comes to this tool, which keeps it in the logs of cells"),
    "log-opt": _ignored("--log-opt", "output comes to this tool, which keeps it in the logs of cells"),
    "memory": _Argument(apply=lambda a, x: replace(a, memory=values.memory(x)), short="m"),
    "memory-reservation": _Argument(apply=lambda a, x: replace(a, memory_reservation=values.memory(x))),
    "memory-swap": _Argument(apply=lambda a, x: replace(a, memory_swap=values.memory_swap(x))),
    "mount": _Argument(apply=lambda a, x: replace(a, mounts=(*a.mounts, mounts.mount(x)))),
    "name": _ignored("--name", "each cell has a container of its own, which needs a name of its own"),
    "net": _NETWORK,
    "network": _NETWORK,
    "oom-score-adj": _Argument(apply=lambda a, x: replace(a, oom_score_adj=values.whole(x))),
    "pid": _refused("a cell that ends kills every process it can see, so it must see its own alone"),
    "pids-limit": _Argument(apply=lambda a, x: replace(a, pids_limit=values.whole(x))),
    "platform": _ignored("--platform", "the cell decides it"),
    "privileged": _Argument(apply=lambda a, x: replace(a, privileged=values.boolean(x)), is_switch=True),
    "publish": _refused(_NO_PORTS, short="p"),
    "publish-all": _refused(_NO_PORTS, short="P", is_switch=True),
    "pull": _ignored("--pull", "an image that is not there is fetched, and one that is there is used"),
    "quiet": _as_it_is(short="q"),
    "read-only": _refused("a cell needs a root file system that can be written to", is_switch=True),
    "restart": _refused("a container that stops has lost its cell; the cell is tried again in a new one"),
    "rm": _as_it_is(),
    "runtime": _Argument(apply=lambda a, x: replace(a, runtime=values.filled(x))),
    "security-opt": _Argument(apply=lambda a, x: replace(a, security_opt=(*a.security_opt, values.security_opt(x)))),
    "shm-size": _Argument(apply=lambda a, x: replace(a, shm_size=values.size(x))),
    "stop-signal": _ignored("--stop-signal", _OURS),
    "stop-timeout": _ignored("--stop-timeout", _OURS),
    "storage-opt": _Argument(apply=lambda a, x: replace(a, storage_opt=(*a.storage_opt, values.strict_pair(x)))),
    "sysctl": _Argument(apply=lambda a, x: replace(a, sysctls=(*a.sysctls, values.strict_pair(x)))),
    "tmpfs": _Argument(apply=lambda a, x: replace(a, tmpfs=(*a.tmpfs, mounts.tmpfs(x)))),
    "tty": _ignored("--tty", "output comes over a pipe, as in CI", short="t", is_switch=True),
    "ulimit": _Argument(apply=lambda a, x: replace(a, ulimits=(*a.ulimits, values.ulimit(x)))),
    "user": _Argument(apply=_user, short="u"),
    "userns": _Argument(apply=lambda a, x: replace(a, userns=values.filled(x))),
    "volume": _Argument(apply=_volume, short="v"),
    "volumes-from": _Argument(apply=lambda a, x: replace(a, volumes_from=(*a.volumes_from, values.filled(x)))),
    "workdir": _ignored("--workdir", "each step has a working directory of its own", short="w"),
}
_SHORT: Final = {argument.short: argument for argument in _ARGUMENTS.values() if argument.short}
