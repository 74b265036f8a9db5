"""The row of images that come at different speeds: nobody waits for an image that he does not need."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench import Bench, new_place
from goals import Series
from stub_registry import StubRegistry, stored, stub_registry
from tools import home_directory
from workload import ARCHS, MARKUPSAFE, BenchmarkError, Workload, checkout, command, fetch

FIRST_WHEEL: Final = "first wheel / (pull of the first image + 1.1 x its cell alone)"
WHOLE_RUN: Final = "whole run / the late image's cells alone, its pull included"
_PULL, _CELL, _LATE = "pull of the first image", "its cell alone", "the late image's cells alone, its pull included"
_RUN, _WHEEL = "runner", "runner, first wheel"

_EARLY, _LATER = "x86_64", "i686"
_BYTES: Final = 48_000_000
_SPEED: Final = 12_000_000.0
"""Bytes a second of the first image; the other comes at a third of it."""


def measure_first_wheel(bench: Bench, row: str) -> tuple[Series, ...]:
    """Measure runs that must pull two images, of which one takes three times as long; and what bounds them."""
    runs = bench.work / "runs" / row
    seconds: dict[str, list[float]] = {name: [] for name in (_PULL, _CELL, _LATE, _WHEEL, _RUN)}
    try:
        with _registry(bench, new_place(runs / "images")) as registry:
            for turn in range(-bench.warm_ups, bench.rounds):
                for name, taken in _turn(bench, registry, new_place(runs / f"{turn:+03}")).items():
                    print(f"{row}: {turn + 1} of {bench.rounds}: {name}: {taken:.2f} s", flush=True)
                    if turn >= 0:
                        seconds[name].append(taken)
    except BenchmarkError as error:
        return (Series(name=_RUN, failure=str(error)),)
    rows = list(zip(*(seconds[name] for name in (_PULL, _CELL, _LATE, _WHEEL, _RUN)), strict=True))
    return (
        *(Series(name=name, values=tuple(values)) for name, values in seconds.items()),
        Series(
            name=FIRST_WHEEL, unit="x", values=tuple(wheel / (pull + 1.1 * cell) for pull, cell, _, wheel, _ in rows)
        ),
        Series(name=WHOLE_RUN, unit="x", values=tuple(run / late for _, _, late, _, run in rows)),
    )


def _turn(bench: Bench, registry: StubRegistry, place: Path) -> dict[str, float]:
    files = fetch(MARKUPSAFE, bench.work, bench.peer.python)

    def build(
        name: str, pythons: tuple[str, ...] = MARKUPSAFE.pythons, archs: tuple[str, ...] = ARCHS
    ) -> tuple[float, float]:
        """Return the seconds until the first wheel, and until the end."""
        own = new_place(place / name)
        workload = Workload(
            source=checkout(files, own / files.name),
            test=f"import {MARKUPSAFE.module}",
            images=registry.reference("image"),
            ca_bundle=bench.ca_bundle,
            pythons=pythons,
            archs=archs,
        )
        with home_directory(own / "home") as home:
            began = time.time()
            seconds = bench.runner.build(workload, own, home=home)
        return min(wheel.stat().st_mtime for wheel in (own / "wheelhouse").glob("*.whl")) - began, seconds

    _forget(registry)
    began = time.monotonic()
    _pull(registry, _EARLY)
    pull = time.monotonic() - began
    cell, _ = build("cell", pythons=("cp311",), archs=(_EARLY,))
    _forget(registry)
    _, late = build("late", archs=(_LATER,))
    _forget(registry)
    wheel, run = build("run")
    return {_PULL: pull, _CELL: cell, _LATE: late, _WHEEL: wheel, _RUN: run}


@contextmanager
def _registry(bench: Bench, place: Path) -> Iterator[StubRegistry]:
    """Serve an image of each architecture, of which the engine has all layers but the last."""
    with stub_registry() as registry:
        try:
            for arch in (_EARLY, _LATER):
                name = f"image_{arch}"
                speed = _SPEED if arch == _EARLY else _SPEED / 3
                made = _with_payload(f"{bench.images}_{arch}", place / name)
                image = stored(made, new_place(place / f"{name}-saved"))
                registry.images[name] = image
                # Once at full speed: from then on it is known which layers are there.
                command(("docker", "rmi", made))
                _pull(registry, arch)
                registry.images[name] = replace(image, speed=speed)
            yield registry
        finally:
            _forget(registry)


def _with_payload(base: str, file: Path) -> str:
    """Return an image of the engine that has a layer more, of bytes that no compression makes fewer."""
    file.write_bytes(os.urandom(_BYTES))
    container = command(("docker", "create", base, "true"))
    try:
        command(("docker", "cp", str(file), f"{container}:/payload"))
        return command(("docker", "commit", container))
    finally:
        command(("docker", "rm", container))


def _pull(registry: StubRegistry, arch: str) -> None:
    command(("docker", "pull", "--quiet", registry.reference(f"image_{arch}")))


def _forget(registry: StubRegistry) -> None:
    names = [registry.reference(name) for name in registry.images]
    subprocess.run(("docker", "rmi", *names), check=False, capture_output=True)
