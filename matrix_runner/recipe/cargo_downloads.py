"""Sharing of cargo's downloads between cells, in the project's volume. Pure.

Not by `CARGO_HOME`: programs, settings and credentials are there besides, rustup's own cargo among them. Links lead
from there into the volume instead, for what is fetched only: crates and indexes of registries, and clones of git. What
is unpacked of it, and so compiled, stays the cell's own. cargo locks its downloads by files beside them; these are
links too, so that cells wait for each other as several cargos of one user do.
"""

from collections.abc import Iterable
from typing import Final

from matrix_runner.recipe.layout import Layout

CARGO_HOME: Final = "CARGO_HOME"

_LOCKS: Final = ".package-cache .package-cache-mutate"
_FETCHED: Final = "registry/cache registry/index git/db"

# A home on another file system is mounted: the links would be planted on somebody's machine. What before-all has
# fetched, or an image has, stays as it is.
_SHARE: Final = f"""\
command -v cargo >/dev/null || exit 0
shared=$1; home=${{CARGO_HOME:-$HOME/.cargo}}
mkdir -p "$home" "$shared" || exit 0
[ "$(stat -c %d "$home")" = "$(stat -c %d /)" ] || exit 0
for name in {_LOCKS}; do ln -sf "$shared/$name" "$home/$name" || exit 0; done
for name in {_FETCHED}; do
  if [ ! -e "$home/$name" ] && [ ! -L "$home/$name" ]; then
    mkdir -p "$shared/$name" "$home/${{name%/*}}" && ln -s "$shared/$name" "$home/$name"
  fi
done
cd "$shared" && command -v flock >/dev/null && flock -n .package-cache sh -c "$2" sh "$3"
exit 0
"""

# A cargo that was killed may have left half a crate, which later ones take for whole. So what is new since the last
# look is tried, under cargo's own lock; if another cargo is at work just now, the next cell looks.
_LOOK: Final = """\
newer=; if [ -e .looked ]; then newer="-newer .looked"; fi
: >.looking
find registry/cache -name "*.crate" $newer -exec sh -c "$1" sh {} + && mv .looking .looked
"""
_TRY: Final = 'for crate; do gzip -t "$crate" 2>/dev/null || rm -f "$crate"; done'


def has_crates(files: Iterable[str]) -> bool:
    """Whether a project with these files has Rust in it."""
    return any(file.rpartition("/")[2] == "Cargo.toml" for file in files)


def share_downloads(layout: Layout) -> tuple[str, ...]:
    """Return the command that lets cargo keep what it downloads in the volume."""
    return ("sh", "-c", _SHARE, "sh", f"{layout.downloads}/cargo", _LOOK, _TRY)
