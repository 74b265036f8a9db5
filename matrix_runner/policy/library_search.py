"""The loader's search for the libraries that a wheel's files need, among the wheel's own files (ld.so(8)). Pure.

A library is found by its file name in a directory of the search path; a name that is loaded already is not searched.
glibc: DT_RPATH of the file that needs it and of those that led to it, unless that file has DT_RUNPATH; then its own
DT_RUNPATH, which is nobody else's. musl makes no difference between the two: both are inherited.
"""

from collections import deque
from collections.abc import Iterator

import msgspec

from matrix_runner.model.platforms import Arch, Libc, Platform
from matrix_runner.policy.elf_reading.elf import Binary
from matrix_runner.policy.installed_paths import installed_path, searched_directories


class LostNeed(msgspec.Struct, frozen=True, kw_only=True):
    """A need that no search path leads to, although the wheel has such a library. `file`: the one that needs `name`.

    `entry`: the file whose loading fails for it: `file`, or one that needs it. `held_at`: the wheel's files of that
    name, or that SONAME. `loaded_by`: a module or library of the wheel that loads one of these: where that is loaded
    first, the need is met. None if there is none. `is_of_program`: in `entry`, a program, nothing is loaded before.
    """

    file: str
    name: str
    entry: str
    held_at: tuple[str, ...]
    loaded_by: str | None
    is_of_program: bool


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome for one platform. `found`: the wheel's file that serves a need, by file and name needed."""

    found: dict[tuple[str, str], Binary]
    lost: tuple[LostNeed, ...]

    def inside(self, file: str) -> frozenset[str]:
        """The names that a file finds in the wheel, or would if a path led there."""
        names = {name for own, name in self.found if own == file}
        return frozenset(names | {each.name for each in self.lost if each.file == file})


def search(files: tuple[Binary, ...], platform: Platform, system: frozenset[str]) -> Search:
    """Search for all needs of a wheel's files. `system`: the libraries that every system of the platform has.

    A need that the system meets is not lost, even if the wheel has a library of that name.
    """
    return _Searcher(files, platform, system).run()


class _Loaded(msgspec.Struct):
    """A file in a process. `by`: the one that needed it."""

    binary: Binary
    by: "_Loaded | None"


class _Process(msgspec.Struct):
    """What is loaded from one entry on: each name that is known, and the needs that are not met."""

    entry: Binary
    names: dict[str, Binary | None] = msgspec.field(default_factory=dict)
    found: dict[tuple[str, str], Binary] = msgspec.field(default_factory=dict)
    unmet: list[tuple[str, str]] = msgspec.field(default_factory=list)


class _Searcher:
    def __init__(self, files: tuple[Binary, ...], platform: Platform, system: frozenset[str]) -> None:
        self._files = files
        self._arch: Arch = platform.arch
        self._is_musl = platform.libc is Libc.MUSL
        self._system = system
        self._places = {binary.path: installed_path(binary.path) for binary in files}
        self._at = {self._places[binary.path]: binary for binary in files}
        self._named: dict[str, list[Binary]] = {}
        for binary in files:
            for name in {binary.name, binary.soname} - {None}:
                self._named.setdefault(str(name), []).append(binary)

    def run(self) -> Search:
        processes = list(self._processes())
        found: dict[tuple[str, str], Binary] = {}
        for process in processes:
            found |= process.found
        lost: dict[tuple[str, str], LostNeed] = {}
        for process in processes:
            for file, name in process.unmet:
                if name not in self._system and (file, name) not in lost and self._holders(name):
                    lost[file, name] = self._lost(file, name, process, processes)
        return Search(found=found, lost=tuple(lost.values()))

    def _processes(self) -> Iterator[_Process]:
        """Load each file that is loaded for itself: programs, modules, and what none of these leads to."""
        reached: set[str] = set()
        needed = {name for binary in self._files for name in binary.needed}
        first = [binary for binary in self._files if is_program(binary) or binary.is_module]
        others = [binary for binary in self._files if not (is_program(binary) or binary.is_module)]
        # One that others name is loaded by them, as a rule.
        others.sort(key=lambda binary: binary.name in needed or binary.soname in needed)
        for entry in [*first, *others]:
            if entry.path in reached and entry not in first:
                continue
            process = self._load(entry)
            reached |= {entry.path, *(binary.path for binary in process.found.values())}
            yield process

    def _load(self, entry: Binary) -> _Process:
        """Load a file and all that it needs, breadth first, as the loaders do."""
        process = _Process(entry=entry)
        queue = deque([_Loaded(entry, None)])
        self._know(process, entry, None)
        while queue:
            loaded = queue.popleft()
            for name in loaded.binary.needed:
                if name in process.names:
                    known = process.names[name]
                    if known is not None:
                        process.found[loaded.binary.path, name] = known
                    continue
                binary = self._find(name, loaded)
                if binary is None:
                    process.unmet.append((loaded.binary.path, name))
                    if name in self._system or not self._holders(name):
                        process.names[name] = None
                    continue
                process.found[loaded.binary.path, name] = binary
                self._know(process, binary, name)
                queue.append(_Loaded(binary, loaded))
        return process

    def _know(self, process: _Process, binary: Binary, name: str | None) -> None:
        """Note the names by which a loaded file is known: that of the search, and with glibc its SONAME."""
        if name is not None:
            process.names[name] = binary
        if binary.soname is not None and not self._is_musl:
            process.names.setdefault(binary.soname, binary)

    def _find(self, name: str, loaded: _Loaded) -> Binary | None:
        if "/" in name:
            # A path, from wherever the program is run.
            return None
        for holder, entry in self._search_path(loaded):
            for directory in searched_directories(entry, self._places[holder.path], self._arch):
                binary = self._at.get(f"{directory}/{name}" if directory else name)
                if binary is not None:
                    return binary
        return None

    def _holders(self, name: str) -> list[Binary]:
        """The wheel's files that have a name as file name or SONAME, whether a path leads there or not."""
        return self._named.get(name.rpartition("/")[2], [])

    def _search_path(self, loaded: _Loaded) -> Iterator[tuple[Binary, str]]:
        """Yield the entries of the search path of a file's needs, each with the file that it comes from.

        DT_RPATH of a file that has DT_RUNPATH too does not count.
        """
        own = loaded.binary
        if not self._is_musl and own.runpath:
            yield from ((own, entry) for entry in own.runpath)
            return
        holder: _Loaded | None = loaded
        while holder is not None:
            binary = holder.binary
            inherited = binary.rpath if not binary.runpath else binary.runpath if self._is_musl else ()
            yield from ((binary, entry) for entry in inherited)
            holder = holder.by

    def _lost(self, file: str, name: str, process: _Process, processes: list[_Process]) -> LostNeed:
        by = None
        if not is_program(process.entry):
            by = next(
                (
                    each.entry.path
                    for each in processes
                    if not is_program(each.entry) and each.names.get(name) not in (None, each.entry)
                ),
                None,
            )
        held = tuple(binary.path for binary in self._holders(name))
        return LostNeed(
            file=file,
            name=name,
            entry=process.entry.path,
            held_at=held,
            loaded_by=by,
            is_of_program=is_program(process.entry),
        )


def is_program(binary: Binary) -> bool:
    """Whether a file is run, not loaded. Old linkers do not mark a position-independent program as one."""
    return binary.is_program or (binary.interpreter is not None and binary.soname is None)
