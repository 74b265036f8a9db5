"""Both tools' options of one cell, brought into one form: what they mean, however each writes it."""

import re
import subprocess
from collections.abc import Iterable
from typing import cast

from peer_tool import Values

from matrix_runner.config.kinds.assignments import parse_assignments
from matrix_runner.config.kinds.selectors import matches
from matrix_runner.model.cells import Cell

_COMMANDS = ("before-all", "before-build", "before-test", "test-command", "repair-wheel-command", "audit-command")
_LISTS = ("audit-requires", "test-requires", "test-groups", "test-sources")
# Where nothing is said: Docker, but we go on without where there is none; and a repair that names the platform, which
# the peer's leaves to the image.
_ENGINES = {"auto": "docker"}
_REPAIR = ("auditwheel repair --plat {plat} -w '{dest_dir}' '{wheel}'", "auditwheel repair -w {dest_dir} {wheel}")


def meaning_of_ours(identifier: str, explained: Values, variables: dict[str, str]) -> Values:
    """Return what our command explained. `variables`: those that `environment-pass` hands on."""
    cell = Cell.parse(identifier)
    image = f"{cell.platform}".replace("_", "-", 1) + "-image"
    commands = {name: _command(explained[name]) for name in _COMMANDS}
    # Part of a longer command where a project adds to it (`inherit`), as pyzmq does.
    commands["repair-wheel-command"] = commands["repair-wheel-command"].replace(*_REPAIR)
    passed = [(name, _quoted(variables[name])) for name in _words(explained["environment-pass"]) if name in variables]
    skipped = any(matches(pattern, cell) for pattern in _words(explained["test-skip"]))
    return {
        **commands,
        **{name: _words(explained[name]) for name in _LISTS},
        image: explained[image],
        "test-extras": sorted(_words(explained["test-extras"])),
        "environment": _evaluated([*passed, *_assignments(explained["environment"])]),
        "test-environment": _evaluated(_assignments(explained["test-environment"])),
        "config-settings": sorted(_settings(cast("Values", explained["config-settings"]))),
        "build-frontend": _program(explained["build-frontend"], "args"),
        "build-verbosity": explained["build-verbosity"],
        "container-engine": _program(explained["container-engine"], "create-args"),
        "dependency-versions": _versions(explained["dependency-versions"]),
        "tested": bool(commands["test-command"]) and not skipped,
    }


def meaning_of_theirs(resolved: Values) -> Values:
    """Return what the peer resolved."""
    pairs = {name: cast("list[tuple[str, str]]", resolved[name]) for name in ("environment", "test-environment")}
    return {
        **resolved,
        **{name: _command(resolved[name]) for name in _COMMANDS},
        **{name: _evaluated(assignments) for name, assignments in pairs.items()},
        "test-extras": sorted(word.strip() for word in _words(resolved["test-extras"])),
        "config-settings": sorted(_words(resolved["config-settings"])),
    }


def _command(value: object) -> str:
    """Join as a list is joined. The peer keeps blanks and line ends on both sides of `&&`."""
    text = value if isinstance(value, str) else " && ".join(_words(value))
    return re.sub(r"\s+&&\s+", " && ", text.strip())


def _words(value: object) -> list[str]:
    return [str(word) for word in cast("list[object]", value)]


def _assignments(value: object) -> list[tuple[str, str]]:
    assert isinstance(value, str)
    return [(name, f'"{text}"') for name, text in parse_assignments(value)]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _evaluated(assignments: Iterable[tuple[str, str]]) -> list[str]:
    """Return the environment that the assignments make, one after the other; no command is found in it."""
    lines = [f"export {name}={text}" for name, text in assignments]
    done = subprocess.run(
        ("/bin/sh", "-c", "\n".join([*lines, "exec /usr/bin/env -0"])),
        env={"PATH": "/nowhere", "HOME": "/root", "PWD": "/"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    return sorted(filter(None, done.stdout.decode().split("\0")))


def _settings(value: Values) -> list[str]:
    return [f"{key}={item}" for key, items in value.items() for item in (items if isinstance(items, list) else [items])]


def _program(value: object, arguments: str) -> Values:
    table = cast("Values", value) if isinstance(value, dict) else {"name": value}
    name = str(table["name"])
    return {"name": _ENGINES.get(name, name), arguments: table.get(arguments, [])}


def _versions(value: object) -> Values:
    if isinstance(value, dict):
        return {"kind": next(iter(value)), **value}
    return {"kind": value} if value in {"pinned", "latest"} else {"kind": "file", "file": value}
