"""Where the end-to-end tier's images come from, and which cells they make possible."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSource:
    """Where the tier's images come from. `flags`: for `runner build`. `cells`: those that it builds."""

    name: str
    flags: tuple[str, ...]
    cells: tuple[str, ...]

    @property
    def families(self) -> tuple[str, ...]:
        """Short names of the images."""
        return ("manylinux_2_28", "musllinux_1_2") if self.name == "published" else ("debian",)

    @property
    def python_3(self) -> tuple[str, ...]:
        """The cells of Python 3."""
        return tuple(cell for cell in self.cells if cell.startswith("cp3"))

    def only(self, *patterns: str) -> tuple[str, ...]:
        """Return flags that select cells by pattern, or all of the source's."""
        return (*self.flags, "--only", " ".join(patterns or self.cells))

    def possible(self) -> tuple[str, ...]:
        """Return flags for all cells of the source that a project supports: patterns, for a name is an order."""
        return (*self.only(*(f"{cell[:-1]}[{cell[-1]}]" for cell in self.cells)), "--archs", "x86_64 i686")


OWN = ImageSource(
    name="own",
    flags=("--image", "debian", "--enable", "eol pypy"),
    cells=(
        "cp27mu-manylinux_x86_64",
        "cp39-manylinux_x86_64",
        "cp311-manylinux_x86_64",
        "cp313-manylinux_x86_64",
        "cp313t-manylinux_x86_64",
        "cp39-manylinux_i686",
        "cp311-manylinux_i686",
        "cp313-manylinux_i686",
    ),
)
EMULATED = ImageSource(
    name="emulated",
    flags=("--image", "debian"),
    cells=("cp311-manylinux_s390x", "cp311-manylinux_armv7l", "cp311-manylinux_aarch64"),
)
"""Cells of other machines, in our own images: a big-endian one, a 32-bit one, and the most common one."""

PUBLISHED = ImageSource(
    name="published",
    flags=(),
    cells=tuple(
        f"{python}-{libc}_{arch}"
        for libc in ("manylinux", "musllinux")
        for arch in ("x86_64", "i686")
        for python in ("cp39", "cp311", "cp313", "cp314t")
    ),
)
