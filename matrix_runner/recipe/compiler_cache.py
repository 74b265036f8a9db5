"""The compiler cache of a cell (ccache, sccache): wrappers for compilers, and hit counts. Pure.

The images contain neither ccache nor sccache; a project installs one in `before-all`.
"""

import re
import shlex
from dataclasses import dataclass
from typing import Final

from matrix_runner.config.kinds.values import CompilerCache, Variables
from matrix_runner.model.outcomes import CompilerCacheUse
from matrix_runner.recipe.layout import Layout

_NAMES: Final = (
    *("cc", "c++", "gcc", "g++", "clang", "clang++"),
    *("gfortran", "x86_64-redhat-linux-gcc", "x86_64-redhat-linux-g++"),
    *("x86_64-linux-gnu-gcc", "x86_64-linux-gnu-g++", "i686-linux-gnu-gcc", "i686-linux-gnu-g++"),
)
"""Compiler commands of build systems; a distribution's Python was built with `<machine>-gcc`."""

_WITHOUT_FORTRAN: Final = tuple(name for name in _NAMES if name != "gfortran")
"""ccache passes Fortran through without caching; sccache refuses it."""

_HITS: Final = re.compile(r"Result: (direct_cache_hit|preprocessed_cache_hit|cache hit \((direct|preprocessed)\))")
_MISSES: Final = re.compile(r"Result: cache[_ ]miss\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompilerCaching:
    """The use of the compiler cache `tool` in a cell's build steps."""

    tool: CompilerCache
    layout: Layout

    @property
    def path(self) -> str:
        """The directory on PATH before the image's own compilers."""
        return self.layout.compilers

    @property
    def variables(self) -> Variables:
        """The compiler cache's variables for build steps."""
        match self.tool:
            case CompilerCache.NONE:
                return ()
            case CompilerCache.CCACHE:
                return (
                    ("CCACHE_DIR", self.layout.compiled),
                    ("CCACHE_BASEDIR", self.layout.project),
                    ("CCACHE_NOHASHDIR", "1"),
                    # By content, not by time: a compiler that `before-all` installs has the time of its installation.
                    ("CCACHE_COMPILERCHECK", "content"),
                    ("CCACHE_IGNOREOPTIONS", " ".join(f"-I{place}*" for place in self._environments)),
                    ("CCACHE_LOGFILE", self.layout.compiler_log),
                )
            case CompilerCache.SCCACHE:
                return (
                    ("SCCACHE_DIR", self.layout.compiled),
                    # The server ends with the cell, and must not be shared with another cell.
                    ("SCCACHE_SERVER_UDS", f"{self.layout.matrix}/sccache.socket"),
                    ("SCCACHE_IDLE_TIMEOUT", "0"),
                    ("RUSTC_WRAPPER", "sccache"),
                )

    @property
    def _environments(self) -> tuple[str, ...]:
        """Path prefixes of the frontends' build environments, which have another name each time.

        setuptools looks for headers there (`-I<environment>/include`), and ccache takes each such option for another
        compilation: it would run the preprocessor on every file before it finds that nothing has changed, which takes
        some ten times as long. Headers that are really included from there are compared all the same.
        """
        return (f"{self.layout.downloads}/uv/builds-v0/", "/tmp/build-env-", "/tmp/pip-build-env-")  # noqa: S108

    def set_up(self) -> str:
        """Return a script that creates a wrapper for each compiler on PATH; its status is 3 if the tool is missing."""
        names, place, tool = shlex.join(_WITHOUT_FORTRAN), shlex.quote(self.path), shlex.quote(str(self.tool))
        make = (
            'ln -sf "$tool" "$place/$name"'
            if self.tool is CompilerCache.CCACHE
            else 'printf \'#!/bin/sh\\nexec %s %s "$@"\\n\' "$tool" "$found" >"$place/$name" && chmod +x "$place/$name"'
        )
        return (
            f'tool=$(command -v {tool}) || exit 3; place={place}; mkdir -p "$place" || exit 1\n'
            f"for name in {names}; do\n"
            f'  if found=$(command -v "$name"); then {make} || exit 1; fi\n'
            "done"
        )

    def ask(self) -> tuple[str, ...]:
        """Return the command that prints the cache's results in this cell."""
        if self.tool is CompilerCache.CCACHE:
            # Not its statistics: these include all cells that use the volume at the same time.
            return ("sh", "-c", 'grep "Result: " "$1"; true', "sh", self.layout.compiler_log)
        return ("sccache", "--show-stats")

    def read(self, output: str) -> CompilerCacheUse:
        """Parse the output of the `ask` command."""
        if self.tool is CompilerCache.CCACHE:
            hits, misses = len(_HITS.findall(output)), len(_MISSES.findall(output))
        else:
            hits, misses = _number(output, "Cache hits"), _number(output, "Cache misses")
        return CompilerCacheUse(tool=str(self.tool), hits=hits, misses=misses)

    @property
    def advice(self) -> str:
        """The advice for a user whose image lacks the tool."""
        return (
            f"compiler-cache: the image has no {self.tool}, so everything is compiled;"
            f" install it in before-all (such as `apt-get install -y {self.tool}` or `dnf install -y {self.tool}`)"
        )


def _number(text: str, name: str) -> int:
    found = re.search(rf"^{name}\s+(\d+)\s*$", text, re.MULTILINE)
    return int(found[1]) if found else 0
