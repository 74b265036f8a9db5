"""The selection rules: the questions that put a cell into the matrix or leave it out, in a person's order."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

import msgspec
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from matrix_runner.catalog import Catalog
from matrix_runner.config.kinds.selectors import Selector
from matrix_runner.config.kinds.values import ArchGroup, EnableGroup, Sandbox
from matrix_runner.config.loading.dialects import is_for_other_systems
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.option import Source
from matrix_runner.config.options.run_options import NETWORK, SANDBOX
from matrix_runner.config.options.selection_options import ARCHS, BUILD, ENABLE, SKIP
from matrix_runner.matrix.archs import expand_archs
from matrix_runner.matrix.host import Host
from matrix_runner.matrix.image_choice import ImageChoice, NoImage, image_of
from matrix_runner.matrix.network_access import is_restricted
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch, Platform

_NOT_HERE: Final = {SANDBOX.name: "this machine itself has none", NETWORK.name: "that of this machine stays"}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one question. `topic`: the option or fact that decides; `reason`: a clause with its origin."""

    topic: str
    is_in: bool
    reason: str
    image: ImageChoice | None = None


class Questions:
    """The selection rules of a run, applicable to any cell."""

    def __init__(self, settings: Settings, catalog: Catalog, host: Host) -> None:
        """Precompute the values common to all cells."""
        self._settings = settings
        self._catalog = catalog
        self._host = host
        self._archs = expand_archs(settings[ARCHS], host.machines)
        self._enabled = {group.value for group in settings[ENABLE]}
        self._build = Selector(patterns=settings[BUILD])
        self._skip = Selector(patterns=settings[SKIP])
        python = settings.requires_python
        self._python = None if python is None else SpecifierSet(str(python.value))
        named = settings[BUILD] if settings.origin(BUILD).source is Source.FLAG else ()
        # A cell named on the command line is wanted, whatever the file excludes.
        self._named = frozenset(named)

    def ask(self, cell: Cell, settings: Settings) -> Iterator[Answer]:
        """Yield the answers one by one; the first with `is_in` false decides. `settings`: of this cell."""
        yield self._about_arch(cell)
        yield self._about_build(cell)
        yield self._about_skip(cell)
        yield self._about_group(cell)
        yield self._about_python(cell)
        yield self._about_place(cell, settings)

    def _wanted(self, cell: Cell, topic: str, source: Source) -> Answer | None:
        """Return the answer that the command line names the cell, unless another flag excludes it."""
        if self._named.isdisjoint({str(cell), cell.local}) or source is Source.FLAG:
            return None
        return Answer(topic=topic, is_in=True, reason=f"{self._settings.origin(BUILD)} names it")

    def _about_arch(self, cell: Cell) -> Answer:
        origin = self._settings.origin(ARCHS)
        is_in = cell.platform.arch in self._archs
        if not is_in and (wanted := self._wanted(cell, "archs", origin.source)):
            return wanted
        verb = "includes" if is_in else "does not include"
        choices = self._settings[ARCHS]
        # The meaning of `auto` depends on the machine: show it where it excludes something.
        is_relative = any(isinstance(choice, ArchGroup) for choice in choices)
        here = f", here {_words(arch for arch in Arch if arch in self._archs)}," if is_relative and not is_in else ""
        reason = f"archs = {_words(choices)} ({origin}){here} {verb} it"
        return Answer(topic="archs", is_in=is_in, reason=reason)

    def _about_build(self, cell: Cell) -> Answer:
        is_in = self._build.matches(cell)
        verb = "matches" if is_in else "does not match"
        shown = f"{_words(self._settings[BUILD])} ({self._settings.origin(BUILD)})"
        return Answer(topic="build", is_in=is_in, reason=f"build = {shown} {verb} it")

    def _about_skip(self, cell: Cell) -> Answer:
        origin = self._settings.origin(SKIP)
        is_skipped = self._skip.matches(cell)
        if is_skipped and (wanted := self._wanted(cell, "skip", origin.source)):
            return wanted
        if not self._settings[SKIP]:
            return Answer(topic="skip", is_in=True, reason=f"skip is empty ({origin})")
        verb = "matches" if is_skipped else "does not match"
        shown = f"{_words(self._settings[SKIP])} ({origin})"
        return Answer(topic="skip", is_in=not is_skipped, reason=f"skip = {shown} {verb} it")

    def _about_group(self, cell: Cell) -> Answer:
        group = self._catalog.known(cell.interpreter).group
        origin = self._settings.origin(ENABLE)
        if not group:
            return Answer(topic="enable", is_in=True, reason="its interpreter needs no group")
        if {group, EnableGroup.ALL.value} & self._enabled:
            reason = f"enable = {_words(self._settings[ENABLE])} ({origin}) has its group, {group}"
            return Answer(topic="enable", is_in=True, reason=reason)
        return self._wanted(cell, "enable", origin.source) or Answer(
            topic="enable", is_in=False, reason=f"it needs enable = {group}"
        )

    def _about_python(self, cell: Cell) -> Answer:
        """Whether any patch release of the cell's version satisfies requires-python (X.Y.99, as in cibuildwheel)."""
        given = self._settings.requires_python
        if self._python is None or given is None:
            return Answer(topic="requires-python", is_in=True, reason="the project names no Python versions")
        major, minor = cell.interpreter.version
        is_in = self._python.contains(Version(f"{major}.{minor}.99"))
        verb = "includes" if is_in else "excludes"
        reason = f"{given.name} = {given.value} ({given.origin}) {verb} it"
        return Answer(topic="requires-python", is_in=is_in, reason=reason)

    def _about_place(self, cell: Cell, settings: Settings) -> Answer:
        host = self._host
        if host.local is None:
            choice = image_of(cell, settings, self._catalog, host)
            if isinstance(choice, NoImage):
                return Answer(topic="image", is_in=False, reason=choice.reason)
            reason = f"{choice.reference.partition('@')[0]} ({choice.origin})"
            return Answer(topic="image", is_in=True, reason=reason, image=choice)
        if cell.platform != Platform(libc=host.libc, arch=host.machine):
            reason = f"container-engine = local: this machine runs {host.libc}_{host.machine} only"
            return Answer(topic="container-engine", is_in=False, reason=reason)
        if not host.local.intersection(self._catalog.known(cell.interpreter).directories):
            reason = f"container-engine = local: no {cell.interpreter} on this machine"
            return Answer(topic="container-engine", is_in=False, reason=reason)
        for option, is_wanted in ((SANDBOX, settings[SANDBOX] is Sandbox.STRICT), (NETWORK, is_restricted(settings))):
            if is_wanted:
                reason = f"{option} = {settings[option]} ({settings.origin(option)}): {_NOT_HERE[option.name]}"
                return Answer(topic="container-engine", is_in=False, reason=reason)
        return Answer(topic="container-engine", is_in=True, reason="this machine itself runs it")

    def doubts(self) -> Iterator[str]:
        """Yield a warning for each pattern without a match in the catalog.

        One for other systems is usual in a file, which is for all; on the command line it is told too.
        """
        settings = self._settings
        cells = tuple(cell.of_package(settings.package) for cell in self._catalog.cells)
        selectors = [
            (f"{BUILD}", str(settings.origin(BUILD)), self._build),
            (f"{SKIP}", str(settings.origin(SKIP)), self._skip),
            *(("select", layer.position, layer.select) for layer in settings.overrides if layer.select is not None),
        ]
        identifiers = [str(cell) for cell in cells]
        for name, position, selector in selectors:
            for pattern in selector.unmatched(cells):
                if settings.package and ":" in pattern:
                    # It is about another package of the workspace.
                    continue
                if is_for_other_systems(pattern):
                    if name == f"{BUILD}" and settings.origin(BUILD).source is Source.FLAG:
                        yield f"{name}: {pattern} ({position}) is for another system; this tool makes Linux wheels only"
                    continue
                is_interpreter = any(name.startswith(f"{pattern}-") for name in identifiers)
                near = [f"{pattern}-*"] if is_interpreter else get_close_matches(pattern, identifiers, n=1)
                guess = f"; did you mean {near[0]}?" if near else ""
                yield f"{name}: the pattern {pattern} ({position}) matches no known identifier{guess}"


def _words(values: Iterable[object]) -> str:
    return " ".join(map(str, values))
