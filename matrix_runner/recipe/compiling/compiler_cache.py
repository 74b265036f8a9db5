"""The compiler cache of a cell (ccache, sccache): wrappers for compilers, and hit counts. Pure.

The images contain neither ccache nor sccache. One that a project installs in `before-all` is meant, and is used; else
one is brought (`brought_program`).
"""

import re
import shlex
from typing import Final

import msgspec

from matrix_runner.config.kinds.values import CompilerCache, Variables
from matrix_runner.model.outcomes import CompilerCacheUse
from matrix_runner.recipe.compiling.brought_program import BroughtProgram
from matrix_runner.recipe.layout import Layout

# Of any machine and version: Python's own CC is `<machine>-gcc` in most distributions, and a project may ask for
# gcc-12. Not Fortran: ccache passes it through without caching, sccache refuses it.
_COMPILERS: Final = """\
there() { for one; do if [ -x "$one" ]; then echo "${one##*/}"; fi; done; }
names=$(
  IFS=:
  for place in $PATH; do
    for name in cc c++ gcc g++ clang clang++; do
      there "$place/$name" "$place/$name"-[0-9]* "$place"/*-linux*-"$name" "$place"/*-linux*-"$name"-[0-9]*
    done
  done
)"""

_HITS: Final = re.compile(r"Result: (direct_cache_hit|preprocessed_cache_hit|cache hit \((direct|preprocessed)\))")
_MISSES: Final = re.compile(r"Result: cache[_ ]miss\b")


_SECONDS: Final = 120
"""The time that its set-up may take; within it, an installer gives up an index that does not answer."""

_SECONDS_WHERE_SLOW: Final = 600

# One that is on PATH and does not start, of another architecture perhaps, is as good as none.
_FIND: Final = """\
starts() {{ "$1" --version >/dev/null 2>&1; }}
tool=$(command -v {tool}) && starts "$tool" || {{
{otherwise}
}}"""

# Here, not by the first compilation: a backend that does not answer is told, and costs no build. An old sccache listens
# on a port, where another cell's server may be on a machine that has no containers: that one serves too.
_SERVE: Final = """\
said=$("$tool" --start-server 2>&1 >/dev/null) || case $said in
  *"ddress in use"*) ;;
  *) echo "$said" | grep . | head -n 1; exit 5 ;;
esac"""


class CompilerCaching(msgspec.Struct, frozen=True, kw_only=True):
    """The use of the compiler cache `tool` in a cell's build steps. `program`: for an image without; None: none is."""

    tool: CompilerCache
    layout: Layout
    program: BroughtProgram | None = None

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
                    # A server that is lost costs a compilation, not the build.
                    ("SCCACHE_IGNORE_SERVER_IO_ERROR", "1"),
                    ("RUSTC_WRAPPER", self._command),
                )

    @property
    def _environments(self) -> tuple[str, ...]:
        """Path prefixes of the frontends' build environments, which have another name each time.

        setuptools looks for headers there (`-I<environment>/include`), and ccache takes each such option for another
        compilation: it would run the preprocessor on every file before it finds that nothing has changed, which takes
        some ten times as long. Headers that are really included from there are compared all the same.
        """
        return (f"{self.layout.downloads}/uv/builds-v0/", "/tmp/build-env-", "/tmp/pip-build-env-")  # noqa: S108

    @property
    def _command(self) -> str:
        """The program as cells call it, whatever its place is."""
        return f"{self.path}/{self.tool}"

    def seconds(self, *, is_slow: bool) -> float:
        """Return the time that the set-up may take. `is_slow`: an emulator runs the installer, or may do so."""
        return _SECONDS_WHERE_SLOW if is_slow else _SECONDS

    def find(self) -> str:
        """Return a script that finds the tool, or brings it. Status 3 if it is missing, 4 if it cannot be brought."""
        can_be_had = self.program is not None and self.program.is_possible
        otherwise = self.program.script() if self.program is not None and can_be_had else "exit 3"
        return _FIND.format(tool=self.tool, otherwise=otherwise)

    def set_up(self) -> str:
        """Return a script that creates a wrapper for each compiler on PATH.

        Its status is 3 if the tool is missing, 4 if it cannot be brought, 5 if its server does not start.
        """
        place = shlex.quote(self.path)
        make = (
            'ln -sf "$tool" "$place/$name"'
            if self.tool is CompilerCache.CCACHE
            else 'printf \'#!/bin/sh\\nexec %s %s "$@"\\n\' "$tool" "$found" >"$place/$name" && chmod +x "$place/$name"'
        )
        serve = f"\n{_SERVE}" if self.tool is CompilerCache.SCCACHE else ""
        return (
            f"{self.find()}\n"
            f'place={place}; mkdir -p "$place" && ln -sf "$tool" "$place/{self.tool}" || exit 1\n'
            f"{_COMPILERS}\nfor name in $names; do\n"
            f'  if found=$(command -v "$name"); then {make} || exit 1; fi\n'
            f"done{serve}"
        )

    def ask(self) -> tuple[str, ...]:
        """Return the command that prints the cache's results in this cell."""
        if self.tool is CompilerCache.CCACHE:
            # Not its statistics: these include all cells that use the volume at the same time.
            return ("sh", "-c", 'grep "Result: " "$1"; true', "sh", self.layout.compiler_log)
        return (self._command, "--show-stats")

    def read(self, output: str) -> CompilerCacheUse:
        """Parse the output of the `ask` command."""
        if self.tool is CompilerCache.CCACHE:
            hits, misses = len(_HITS.findall(output)), len(_MISSES.findall(output))
        else:
            hits, misses = _number(output, "Cache hits"), _number(output, "Cache misses")
        return CompilerCacheUse(tool=str(self.tool), hits=hits, misses=misses)

    def refusal(self, status: int | None, said: str) -> str:
        """Return the warning for a set-up that failed. `status`: None if it took too long. `said`: its last line."""
        because = f": {said}" if said else ""
        match status:
            case 3:
                why = f"the image has no {self.tool}, and none can be brought for this platform"
            case 4:
                why = f"the image has no {self.tool}, and none could be brought{because}"
            case 5:
                why = f"the server of {self.tool} does not start{because}"
            case None:
                why = f"the set-up of {self.tool} took too long{because}"
            case _:
                why = f"the set-up of {self.tool} failed{because}"
        advice = ""
        if status in {3, 4, None}:
            command = f"`apt-get install -y {self.tool}` or `dnf install -y {self.tool}`"
            advice = f"; install it in before-all (such as {command})"
        return f"compiler-cache: {why}, so everything is compiled{advice}"


def _number(text: str, name: str) -> int:
    found = re.search(rf"^{name}\s+(\d+)\s*$", text, re.MULTILINE)
    return int(found[1]) if found else 0
