"""The installation of a compiler cache's program in a cell whose image has none, once in the project's volume. Pure.

It is never installed into an interpreter, nor is it part of an image: `before-all` is over by then.
"""

import shlex
from typing import Final

import msgspec

from matrix_runner.catalog.compiler_caches import CompilerCacheWheel
from matrix_runner.model.platforms import Arch
from matrix_runner.recipe.installing import Installer, for_our_tools
from matrix_runner.recipe.layout import Layout

_ON_VERSIONS: Final = "CONSTRAINT OVERRIDE EXCLUDE_NEWER NO_BINARY NO_BINARY_PACKAGE ONLY_BINARY PYTHON_PLATFORM"
"""uv's options that a user sets for the project's requirements; version and digest of this program are pinned."""

# Into the cell first, then by one rename into the volume, where other cells may look for it at the same time.
_BRING: Final = """\
bring() {{
  mkdir -p {new} {kept} && printf '%s\\n' {requirement} >{new}/requirements.txt && {install} || return
  file=$(mktemp {kept}/.new-XXXXXX) || return
  cp {new}/program/bin/{tool} "$file" && chmod 755 "$file" && mv -f "$file" {kept}/{tool}
}}
starts {kept}/{tool} || bring || exit 4
starts {kept}/{tool} || exit 4
tool={kept}/{tool}
rm -rf {new}"""


class BroughtProgram(msgspec.Struct, frozen=True, kw_only=True):
    """The program of a compiler cache for a cell. `arch`: the cell's. `installer`: of our own tools in the cell."""

    wheel: CompilerCacheWheel
    tool: str
    arch: Arch
    layout: Layout
    installer: Installer

    @property
    def is_possible(self) -> bool:
        """Whether the cell has an installer."""
        return self.installer.creates_with_uv or "pip" in self.installer.facts.modules

    @property
    def directory(self) -> str:
        """The program's directory, in the project's volume; another one for each version, as its cells may overlap."""
        return f"{self.layout.downloads}/programs/{self.tool}-{self.wheel.version}-{self.wheel.arch}"

    def script(self) -> str:
        """Return shell commands that set `tool` to the program's path; they exit with 4 if it cannot be installed.

        `starts` must be a function there that tells whether a program starts.
        """
        new = f"{self.layout.matrix}/brought"
        return _BRING.format(
            new=shlex.quote(new),
            kept=shlex.quote(self.directory),
            tool=self.tool,
            requirement=shlex.quote(self.wheel.requirement),
            install=self._install(f"{new}/program", f"{new}/requirements.txt"),
        )

    def _install(self, target: str, requirements: str) -> str:
        """Return the command of the cell's installer, which does not try for long: a build can do without."""
        installer, wheel = self.installer, self.wheel
        words = ["--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
        words += ["--target", target, "-r", requirements]
        is_foreign = wheel.arch is not self.arch
        python = f"{installer.python_bin}/python"
        if installer.creates_with_uv:
            foreign = ("--python-platform", f"{wheel.arch}-manylinux2014") if is_foreign else ()
            names = " ".join(f"UV_{option}" for option in _ON_VERSIONS.split())
            command = shlex.join(("uv", "pip", "install", "--python", python, *foreign, *words))
            return f'(unset {names}; UV_HTTP_RETRIES="${{UV_HTTP_RETRIES:-1}}" {command})'
        # As for a later Python: the wheels are for any of today's, and hold nothing of Python.
        foreign = ("--platform", f"manylinux2014_{wheel.arch}") if is_foreign else ()
        words += ["--python-version", "38", *foreign]
        command = shlex.join((python, "-m", "pip", "install", *words))
        return for_our_tools(f'PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_RETRIES="${{PIP_RETRIES:-1}}" {command}')
