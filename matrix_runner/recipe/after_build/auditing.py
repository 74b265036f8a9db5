"""The audit steps of a repaired wheel, and the meaning of abi3audit's report. Pure."""

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from matrix_runner.config.options.build_options import AUDIT_COMMAND, AUDIT_REQUIRES
from matrix_runner.json_values import NotJson, decode
from matrix_runner.locking.lock_values import LOCK, Group
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.commands import Commands
from matrix_runner.recipe.image_facts import ImageFacts
from matrix_runner.recipe.installing import for_our_tools, hashed_words
from matrix_runner.recipe.step import Step
from matrix_runner.wheelhouse import is_stable_abi
from matrix_runner.wording import first_of

FIRST_AUDITOR = (3, 10)
"""The oldest Python that abi3audit supports (its metadata)."""

_PLAIN = re.compile(r"cp(3)([0-9]+)-cp3\2")
"""The directory of a CPython that is not free-threaded."""


def audit_steps(commands: Commands, wheel: str) -> Iterator[Step]:
    """Return the steps that audit the repaired wheel (a file name); none if an audit is unwanted or impossible."""
    command = _command(commands, wheel)
    python = newest_python(commands.tools.facts)
    if not command or python is None or why_not(commands, wheel) is not None:
        return
    layout, tools = commands.layout, commands.tools
    interpreter = f"{layout.root}/opt/python/{python[1]}/bin/python"
    create = _create(commands, interpreter)
    path = (f"{layout.audit_environment}/bin", tools.python_bin)
    script = tools.after_constraints(create) if is_ours(commands) else create
    step = commands.shell(StepKind.AUDIT, script, path=(tools.python_bin,), cwd=layout.project, shown=create)
    yield commands.apart(step).fetching(layout.audit_environment)
    audit = commands.user(StepKind.AUDIT, command, path=path, wheel=f"{layout.repaired}/{wheel}")
    yield replace(audit, is_verdict=True)


def why_not(commands: Commands, wheel: str) -> str | None:
    """Return the reason why a wheel is not audited although it should be, or None.

    The default audit is no explicit request: an image on which it cannot run does not fail the cell. A user's own
    requirements are tried with any Python.
    """
    if not _command(commands, wheel):
        return None
    python = newest_python(commands.tools.facts)
    if python is None:
        return "the wheel is not audited: the image has no CPython 3 to do so"
    if python[0] < FIRST_AUDITOR and is_ours(commands):
        return (
            f"the wheel is not audited: abi3audit needs CPython {_dotted(FIRST_AUDITOR)}, and the newest of the image"
            f" is {_dotted(python[0])}"
        )
    return None


def _command(commands: Commands, wheel: str) -> str:
    """Return the part of `audit-command` for this wheel: commands with `{abi3_wheel}` apply to abi3 wheels only."""
    is_abi3 = is_stable_abi(wheel)
    parts = commands.settings[AUDIT_COMMAND].split(" && ")
    mine = [part for part in parts if is_abi3 or "{abi3_wheel}" not in part]
    is_named = any(name in part for part in mine for name in ("{wheel}", "{abi3_wheel}"))
    return " && ".join(mine) if is_named else ""


def is_ours(commands: Commands) -> bool:
    """Whether the default requirements are installed, so that their versions are ours to choose."""
    return commands.settings[AUDIT_REQUIRES] == AUDIT_REQUIRES.default


def _create(commands: Commands, interpreter: str) -> str:
    """Return a shell command that creates the audit environment."""
    layout, requires = commands.layout, commands.settings[AUDIT_REQUIRES]
    constraints, lock = commands.tools.constraints, commands.tools.lock
    packages = (*constraints.arguments, *requires) if constraints is not None and is_ours(commands) else requires
    if lock is not None and requires and not lock.has(Group.AUDIT):
        # Nothing in the project's files has told that a wheel would be of the stable ABI.
        said = (
            f"{LOCK} has no tools for an audit: put {{wheel}} into audit-command, or set it to nothing, and lock anew"
        )
        return f"{{ echo {shlex.quote(said)} >&2; exit 1; }}"
    if lock is not None:
        packages = hashed_words(layout.locked(str(Group.AUDIT)))
    place = layout.audit_environment
    speaks_to_pip = bool(commands.tools.pip_variables.build)
    if commands.tools.facts.tool("uv") is not None and not speaks_to_pip:
        create = f"uv venv --quiet --no-project --python {shlex.quote(interpreter)} {shlex.quote(place)}"
        install = f"uv pip install --quiet --python {shlex.quote(f'{place}/bin/python')} {shlex.join(packages)}"
    else:
        # It runs in the project, whose files the requirements may name, but whose modules must not be imported.
        create = f"{shlex.quote(interpreter)} -I -m venv {shlex.quote(place)}"
        install = f"{shlex.quote(f'{place}/bin/pip')} install --quiet {shlex.join(packages)}"
        install = for_our_tools(install) if speaks_to_pip and is_ours(commands) else install
    return f"{create} && {install}" if requires else create


def newest_python(facts: ImageFacts) -> tuple[tuple[int, int], str] | None:
    """Return version and directory of the image's newest CPython with the GIL."""
    found = ((match, name) for name in facts.directories if (match := _PLAIN.fullmatch(name)))
    return max((((int(match[1]), int(match[2])), name) for match, name in found), default=None)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


class _Result(msgspec.Struct):
    """The findings of abi3audit in one extension."""

    is_abi3: bool
    is_abi3_baseline_compatible: bool
    baseline: str
    computed: str
    non_abi3_symbols: list[str]
    future_abi3_objects: dict[str, str]


class _Extension(msgspec.Struct):
    name: str
    result: _Result


class _Specification(msgspec.Struct):
    wheel: tuple[_Extension, ...] = ()


class _Audit(msgspec.Struct):
    """The report of `abi3audit --report` (0.0.26)."""

    specs: dict[str, _Specification]


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """The reports in an auditor's output. `complaints`: what is wrong, by file.

    `hooks`: names that the auditor complains about without reason: a module's own entry points by PEP 793,
    `PyModExport_name`, which abi3audit up to 0.0.26 does not know as it knows `PyInit_name`.
    """

    complaints: tuple[str, ...]
    hooks: tuple[str, ...]

    @property
    def passes_all_the_same(self) -> bool:
        """Whether the auditor's complaints are all without reason."""
        return bool(self.hooks) and not self.complaints


def read_audit(output: bytes) -> AuditReport:
    """Return what the reports of abi3audit in an output say; nothing without such a report."""
    extensions: list[_Extension] = []
    for line in output.splitlines():
        if line.startswith(b'{"specs"'):
            with suppress(NotJson):
                audit = decode(line, _Audit)
                extensions += [one for each in audit.specs.values() for one in each.wheel]
    return AuditReport(
        complaints=tuple(text for one in extensions for text in _complaints(one)),
        hooks=tuple(sorted({name for one in extensions for name in one.result.non_abi3_symbols if _is_hook(name)})),
    )


def _is_hook(symbol: str) -> bool:
    return symbol.startswith("PyModExport_")


def _complaints(extension: _Extension) -> Iterator[str]:
    result = extension.result
    foreign = sorted(symbol for symbol in result.non_abi3_symbols if not _is_hook(symbol))
    if foreign:
        yield f"{extension.name} uses {first_of(foreign, 5)}, not of the stable ABI"
    if not result.is_abi3_baseline_compatible:
        names = [f"{name} ({version})" for name, version in result.future_abi3_objects.items()]
        used = f": {first_of(sorted(names), 5)}" if names else ""
        yield f"{extension.name} needs the stable ABI of {result.computed}, its tag says {result.baseline}{used}"
