"""The catalogue of faults: its rows, the behaviour seen on each engine, and the page made of both."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import tomli
from runner_process import REPOSITORY

DIRECTORY = REPOSITORY / "tests" / "fault_catalogue"
SEEN = DIRECTORY / "seen"

ENGINES = {
    "docker-20": "Docker 20.10",
    "docker-28-containerd": "Docker 28",
    "podman-4": "Podman 4.3",
    "podman-5": "Podman 5",
}
"""The engines of the catalogue, by their name in `scripts/engine-rig`."""

_BEGIN = """# Faults

A catalogue of faults, and the behaviour of a run under each. Every row is a test (`tests/fault_catalogue`) that causes
the fault on real engines, with real containers and disks. The columns at the right have the
[exit codes](exit-codes.md) seen with an engine, several if the row has several runs. This page is written by those
tests: `make faults` runs them on all four engines and writes it anew.

Besides the behaviour in the table each row asserts: the exit code; a line with the cause; no traceback; no container
left after two seconds; each wheel that was finished before the fault is there and whole, with its digest in
`SHA256SUMS`; no unfinished file under a final name.

"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A fault. `untested`: why the tests cannot cause all of it."""

    number: int
    fault: str
    expected: str
    untested: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chapter:
    """Rows that belong together."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """A run that behaved as expected under a fault: its exit code (negative: a signal's), and words of its message."""

    code: int
    says: str = ""


def chapters() -> tuple[Chapter, ...]:
    """Read the catalogue."""
    table = tomli.loads((DIRECTORY / "catalogue.toml").read_text("utf-8"))
    return tuple(
        Chapter(title=chapter["title"], rows=tuple(Row(**row) for row in chapter["row"]))
        for chapter in table["chapter"]
    )


def record(engine: str, version: str, sights: Mapping[int, list[Sight]]) -> None:
    """Write down the behaviour seen on an engine; rows that were not run this time stay."""
    file = SEEN / f"{engine}.json"
    rows = _recorded(engine)[1] | {number: tuple(dict.fromkeys(seen)) for number, seen in sights.items()}
    SEEN.mkdir(exist_ok=True)
    told = {str(number): [[sight.code, sight.says] for sight in rows[number]] for number in sorted(rows)}
    lines = ",\n".join(f'  "{number}": {json.dumps(sights)}' for number, sights in told.items())
    file.write_text(f'{{"version": "{version}", "rows": {{\n{lines}\n}}}}\n', "utf-8")


def page() -> str:
    """Return the page of the documentation."""
    seen = {engine: _recorded(engine) for engine in ENGINES}
    parts = [_BEGIN]
    names = " | ".join(f"{name} ({seen[engine][0]})" for engine, name in ENGINES.items())
    for chapter in chapters():
        parts.append(f"## {chapter.title}\n\n| # | fault | expected | {names} |\n")
        parts.append("| --- | --- | --- |" + " --- |" * len(ENGINES) + "\n")
        parts.extend(_line(row, [seen[engine][1].get(row.number, ()) for engine in ENGINES]) for row in chapter.rows)
        parts.append("\n")
    untested = [f"- {row.number}: {row.untested}." for chapter in chapters() for row in chapter.rows if row.untested]
    return "".join(parts) + "## Not tried\n\n" + "\n".join(untested) + "\n"


def _recorded(engine: str) -> tuple[str, dict[int, tuple[Sight, ...]]]:
    file = SEEN / f"{engine}.json"
    if not file.exists():
        return "", {}
    found = cast("dict[str, object]", json.loads(file.read_text("utf-8")))
    rows = cast("dict[str, list[tuple[int, str]]]", found["rows"])
    return str(found["version"]), {
        int(number): tuple(Sight(code=code, says=says) for code, says in sights) for number, sights in rows.items()
    }


def _line(row: Row, seen: list[tuple[Sight, ...]]) -> str:
    said = list(dict.fromkeys(sight.says for sights in seen for sight in sights if sight.says))
    expected = row.expected + "".join(f"<br>`{each}`" for each in said)
    return f"| {row.number} | {row.fault} | {expected} | {' | '.join(map(_codes, seen))} |\n"


def _codes(sights: tuple[Sight, ...]) -> str:
    return ", ".join(dict.fromkeys(str(sight.code) if sight.code >= 0 else "killed" for sight in sights)) or "not run"


if __name__ == "__main__":
    sys.stdout.write(page())
