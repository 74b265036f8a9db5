"""Facts about an image: interpreters, tools, C library; and the parser of the probe's output. Pure."""

import re

import msgspec

from matrix_runner.json_values import NotJson, decode
from matrix_runner.model.platforms import Libc


class InterpreterFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A working interpreter. `directory`: its name under `/opt/python`. `modules`: the importable modules of tools.

    `pip`: the version of its pip; "" without one.
    """

    directory: str
    version: str
    modules: frozenset[str]
    extension_suffix: str | None
    pip: str = ""

    @property
    def pip_release(self) -> tuple[int, int]:
        """The first two numbers of pip's version; zeros without one."""
        return _first_two(self.pip)

    @property
    def release(self) -> tuple[int, int]:
        """The first two numbers of its own version."""
        return _first_two(self.version)


class ImageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a probe. `tools`: name and first line of `--version`. `directories`: all of `/opt/python`.

    `installable`: interpreters that `manylinux-interpreters ensure` can add; queried only if a wanted one is missing.
    `machine`: `uname -m` as commands see it. `elf`: the first 40 bytes of `/bin/sh`, which no metadata can fake (an
    image's stated architecture can lie: measured on Docker 20.10). `decided`: variables with the processor count for
    build tools that are already set there. `pip_variables`: names of variables there by which pip or uv is told
    something, of certificates too. `broken`: tools on PATH and wanted interpreters that do not start, each with the
    words of the shell or the loader. `loaders`: paths of C libraries' dynamic loaders, `libc`'s own and any other's.
    `pip_files`: the path of each of pip's configuration files, with each of its options. `package_managers`: the
    programs there that install a distribution's packages. `system`: the distribution's name for people, and
    `system_pythons` its own interpreters, each with its path in place of a directory: only asked for where wheels are
    tested, not built.
    """

    machine: str
    elf: bytes
    libc: Libc | None
    libc_version: str
    path: str
    plat: str | None
    tools: tuple[tuple[str, str], ...]
    directories: tuple[str, ...]
    interpreters: tuple[InterpreterFacts, ...]
    installable: tuple[str, ...] = ()
    decided: tuple[str, ...] = ()
    pip_variables: tuple[str, ...] = ()
    pip_files: tuple[tuple[str, str], ...] = ()
    broken: tuple[tuple[str, str], ...] = ()
    loaders: tuple[str, ...] = ()
    package_managers: tuple[str, ...] = ()
    system: str = ""
    system_pythons: tuple[InterpreterFacts, ...] = ()

    def tool(self, name: str) -> str | None:
        """Return the version line of a tool, or None if it is not on PATH or does not start."""
        return dict(self.tools).get(name)

    def reason(self, name: str) -> str | None:
        """Return the reason why a tool or an interpreter that is there does not start; None for any other."""
        return dict(self.broken).get(name)

    def interpreter(self, directories: tuple[str, ...]) -> InterpreterFacts | None:
        """Return the first of the named interpreters that exists, or None."""
        by_name = {facts.directory: facts for facts in self.interpreters}
        return next((by_name[name] for name in directories if name in by_name), None)

    def to_install(self, directories: tuple[str, ...]) -> str | None:
        """Return the first of the named interpreters that can be installed on demand; None if one exists already."""
        if any(name in self.directories for name in directories):
            return None
        return next((name for name in directories if name in self.installable), None)


def parse_probe(output: str) -> ImageFacts:
    """Parse the output of the probe. Unknown lines are ignored: an image's shell may add its own."""
    rows = [line.split("\t") for line in output.splitlines()]
    single = {row[0]: row[1] for row in rows if len(row) == 2}
    return ImageFacts(
        machine=single.get("machine", ""),
        elf=_unhex(single.get("elf", "")),
        libc=Libc.MUSL if single.get("libc") == "musllinux" else Libc.GLIBC,
        libc_version=single.get("libc-version", ""),
        path=single.get("path", ""),
        plat=single.get("plat") or None,
        tools=tuple((row[1], row[2]) for row in rows if row[0] == "tool" and len(row) == 3),
        directories=tuple(row[1] for row in rows if row[0] == "directory" and len(row) == 2),
        interpreters=_interpreters(rows, "interpreter"),
        installable=_listed(single.get("installable", "")),
        decided=tuple(row[1] for row in rows if row[0] == "decided" and len(row) == 2),
        pip_variables=tuple(row[1] for row in rows if row[0] == "pip-variable" and len(row) == 2),
        pip_files=tuple((row[1], row[2]) for row in rows if row[0] == "pip-file" and len(row) == 3),
        broken=tuple((row[1], row[2]) for row in rows if row[0] == "broken" and len(row) == 3),
        loaders=tuple(row[1] for row in rows if row[0] == "loader" and len(row) == 2),
        package_managers=tuple(row[1] for row in rows if row[0] == "package-manager" and len(row) == 2),
        system=single.get("system", ""),
        system_pythons=_interpreters(rows, "system-python"),
    )


def _interpreters(rows: list[list[str]], word: str) -> tuple[InterpreterFacts, ...]:
    """Return the interpreters of the rows that begin with a word."""
    found = (row[1:] for row in rows if row[0] == word and len(row) == 6)
    return tuple(
        InterpreterFacts(
            directory=directory,
            version=version,
            modules=frozenset(modules.split(",")) - {""},
            extension_suffix=suffix or None,
            pip=pip,
        )
        for directory, version, modules, suffix, pip in found
    )


def _first_two(version: str) -> tuple[int, int]:
    found = re.match(r"([0-9]{1,9})\.([0-9]{1,9})", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


class _Listed(msgspec.Struct):
    identifier: str


def _listed(answer: str) -> tuple[str, ...]:
    """Parse `manylinux-interpreters list --format json`; empty if it is anything else."""
    try:
        return tuple(row.identifier for row in decode(answer, list[_Listed]))
    except NotJson:
        return ()


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
