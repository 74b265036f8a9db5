"""Cells, architectures and images that the user asks for by name and the plan lacks: mistakes, not a shorter plan.

Pure. Patterns and groups (`cp3*`, `auto`) are no names: they select from what there is.
"""

from collections.abc import Iterator, Sequence

import bracex

from matrix_runner.config.kinds.selectors import Selector
from matrix_runner.config.kinds.values import ArchGroup
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.image_options import IMAGE, IMAGES
from matrix_runner.config.options.option import Source
from matrix_runner.config.options.selection_options import ARCHS, BUILD
from matrix_runner.matrix.host import Host
from matrix_runner.matrix.questions import Answer
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Platform

_OF_PLACE = frozenset({"image", "container-engine"})
"""Topics of the last question: of an image, or of the machine itself as the engine."""


def unmet_requests(settings: Settings, host: Host, decided: Sequence[tuple[Cell, Answer]]) -> Iterator[str]:
    """Yield a sentence for each cell, architecture and image that is asked for by name and not in the plan.

    `decided`: every cell of the catalog with the answer that decides it.
    """
    yield from _cells(settings, decided)
    # What was selected, and fell because of its image, or of the machine itself as the engine.
    placed = [(cell, answer) for cell, answer in decided if answer.is_in or answer.topic in _OF_PLACE]
    yield from _archs(settings, host, placed)
    if host.local is None:
        yield from _images(settings, placed)


def _cells(settings: Settings, decided: Sequence[tuple[Cell, Answer]]) -> Iterator[str]:
    if settings.origin(BUILD).source is not Source.FLAG:
        return
    named = {name for pattern in settings[BUILD] for name in bracex.expand(pattern)}
    for cell, answer in decided:
        if not answer.is_in and not named.isdisjoint({str(cell), cell.local}):
            yield f"{cell} is asked for by {settings.origin(BUILD)}, and cannot be built: {answer.reason}"


def idle_patterns(settings: Settings, decided: Sequence[tuple[Cell, Answer]]) -> Iterator[str]:
    """Yield a sentence for each pattern of the command line that selects known cells of which none is in the plan.

    A pattern selects from what there is, so it is no mistake; but whoever types one expects something of it. Cells that
    are named belong to `unmet_requests`.
    """
    origin = settings.origin(BUILD)
    if origin.source is not Source.FLAG:
        return
    for pattern in settings[BUILD]:
        selector = Selector(patterns=(pattern,))
        own = [(cell, answer) for cell, answer in decided if selector.matches(cell)]
        named = set(bracex.expand(pattern))
        if own and not any(answer.is_in or not named.isdisjoint({str(cell), cell.local}) for cell, answer in own):
            # The cell that came furthest tells most.
            nearest = max((answer for _, answer in own), key=lambda answer: answer.topic in _OF_PLACE)
            yield f"{pattern} ({origin}) selects no cell that can be built: {nearest.reason}"


def _archs(settings: Settings, host: Host, placed: Sequence[tuple[Cell, Answer]]) -> Iterator[str]:
    origin = settings.origin(ARCHS)
    # A file is for every machine; whoever names this one as the engine means the cells that it can build.
    if host.local is not None and origin.source is not Source.FLAG:
        return
    for arch in settings[ARCHS]:
        own = [answer for cell, answer in placed if cell.platform.arch is arch]
        if not isinstance(arch, ArchGroup) and own and not any(answer.is_in for answer in own):
            yield f"archs = {arch} ({origin}) asks for wheels that cannot be built: {own[0].reason}"


def _images(settings: Settings, placed: Sequence[tuple[Cell, Answer]]) -> Iterator[str]:
    for platform, option in IMAGES.items():
        own = [answer for cell, answer in placed if cell.platform == platform]
        is_named = settings.origin(option).source is not Source.DEFAULT
        if is_named and own and not any(answer.is_in for answer in own):
            yield f"{option.name} = {settings[option]} ({settings.origin(option)}) fits no cell: {own[0].reason}"


def wants_containers(settings: Settings, *, machine: Platform, plat: str, runs_before_all: bool) -> Iterator[str]:
    """Yield a reason for each setting that this machine itself, as the engine, cannot meet.

    `settings`: of the run, or of a cell. `machine`: its own platform. `plat`: AUDITWHEEL_PLAT of the manylinux image
    that this process runs in (`manylinux2014_x86_64`), "" elsewhere: its own image can be met there.
    `runs_before_all`: whether `before-all` may run on this machine.
    """
    name = settings.image(machine)
    option = IMAGE if name == settings[IMAGE] else IMAGES[machine]
    if settings.origin(option).source is not Source.DEFAULT and not _may_be_inside(name, plat):
        yield f"{option.name} = {name} ({settings.origin(option)})"
    others = [arch for arch in settings[ARCHS] if not isinstance(arch, ArchGroup) and arch is not machine.arch]
    if others:
        yield f"archs = {' '.join(map(str, others))} ({settings.origin(ARCHS)})"
    if settings[BEFORE_ALL] and not runs_before_all:
        yield f"{BEFORE_ALL.name} ({settings.origin(BEFORE_ALL)})"


def _may_be_inside(image: str, plat: str) -> bool:
    """Whether a process in the image of `plat` may be in this one: a full reference says little of its content."""
    is_short_name = image.startswith(("manylinux", "musllinux")) and "/" not in image
    return bool(plat) and (not is_short_name or plat.startswith(f"{image}_"))
