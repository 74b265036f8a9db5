"""Rows of wheels: a large one from a container to the output directory, and how fast published ones are looked into."""

import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from bench import Bench, Contender, take_turns
from driver import ask
from goals import Series
from large_wheel import Figures
from timing import timed
from workload import BenchmarkError, command

AGAINST_BARE: Final = "against unzip -t and sha256sum"
GROWTH: Final = "growth of memory"
PUBLISHED: Final = ("scipy", "numpy", "PySide6-Essentials")
_SLOW: Final = ("PySide6-Essentials",)
"""Those on which auditwheel is asked once only, for its verdict: it takes two minutes (6.8.2)."""

_TAG: Final = re.compile(r'"((?:many|musl)linux[^"]*)"')


def runner_on(project: str) -> str:
    """Return the name of the series of our command on a project's wheel."""
    return f"{project}: runner inspect"


def peer_on(project: str) -> str:
    """Return the name of the series of auditwheel on a project's wheel."""
    return f"{project}: auditwheel show"


def memory_on(project: str) -> str:
    """Return the name of the series of the memory that our command takes."""
    return f"{project}: memory of runner inspect"


def measure_large_wheel(bench: Bench, row: str) -> tuple[Series, ...]:
    """Measure receiving, inspecting, verifying and publishing a wheel of 500 MB."""
    try:
        modules = _published(bench, "scipy")
        turns = [ask("large_wheel.py", Figures, "--modules", str(modules)) for _ in range(bench.rounds)]
    except BenchmarkError as error:
        return (Series(name=AGAINST_BARE, unit="x", failure=str(error)),)
    print(f"{row}: {turns[0].size / 1e6:.0f} MB, {turns[0].files} ELF files", flush=True)
    return (
        Series(name="receive, inspect, verify, publish", values=tuple(one.ours for one in turns)),
        Series(name="unzip -t and sha256sum", values=tuple(one.bare for one in turns)),
        Series(name=AGAINST_BARE, unit="x", values=tuple(one.ours / one.bare for one in turns)),
        Series(name=GROWTH, unit="MB", values=tuple(one.growth / 1e6 for one in turns)),
    )


def measure_inspect(bench: Bench, row: str) -> tuple[Series, ...]:
    """Measure `runner inspect` and `auditwheel show` in turn, and see that both say the same of the platform."""
    auditwheel = _auditwheel(bench)
    series: list[Series] = []
    for project in PUBLISHED:
        wheel = _published(bench, project)
        _agree(bench, auditwheel, wheel)
        ours, theirs = (str(bench.runner.program), "inspect", str(wheel)), (str(auditwheel), "show", str(wheel))

        contenders = [Contender(name=runner_on(project), measure=partial(_take, ours))]
        if project not in _SLOW:
            contenders.append(Contender(name=peer_on(project), measure=partial(_take, theirs)))
        series += take_turns(bench, row, tuple(contenders))
        series.append(
            Series(name=memory_on(project), unit="MB", values=tuple(_memory(ours) for _ in range(bench.rounds)))
        )
    return tuple(series)


def _take(argv: tuple[str, ...], place: Path) -> float:
    return timed(argv, log=place / "log", env=dict(os.environ), cwd=place)


def _published(bench: Bench, project: str) -> Path:
    """Return the newest wheel of a project for this machine, downloaded once."""
    target = bench.work / "wheels" / project.lower()
    if not list(target.glob("*.whl")):
        pip = (str(bench.peer.python), "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps")
        platforms = [f"--platform=manylinux_2_{minor}_x86_64" for minor in range(17, 40)]
        command((*pip, "--only-binary=:all:", "--python-version=3.12", *platforms, "--dest", str(target), project))
    (wheel,) = target.glob("*.whl")
    return wheel


def _auditwheel(bench: Bench) -> Path:
    python = bench.peer.python
    command((str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--upgrade", "auditwheel"))
    return python.with_name("auditwheel")


def _agree(bench: Bench, auditwheel: Path, wheel: Path) -> None:
    """Raise BenchmarkError if both do not name the same platform tag: a faster answer must be the same."""
    found = _TAG.search(command((str(auditwheel), "show", str(wheel))))
    document = msgspec.json.decode(command((str(bench.runner.program), "inspect", "--json", str(wheel))))
    theirs, ours = found[1] if found else None, [one["policy"] for one in document["wheels"][0]["platforms"]]
    if theirs not in ours:
        raise BenchmarkError(f"{wheel.name}: we say {ours}, auditwheel says {theirs}")


def _memory(argv: tuple[str, ...]) -> float:
    """Return the most memory that a command has, in MB."""
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        " print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    return int(command((sys.executable, "-c", script, *argv))) * 1024 / 1e6
