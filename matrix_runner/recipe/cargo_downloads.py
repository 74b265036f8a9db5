"""Sharing of cargo's downloads between cells, in the project's volume. Pure.

Not through `CARGO_HOME`: that also contains programs, settings and credentials, among them rustup's own cargo. Links
from there into the volume cover downloads only: crates and indexes of registries, and git clones. Unpacked, and thus
compiled, files stay in the cell. cargo locks its downloads by files beside them; these are links too, so that cells
wait for each other as several cargos of one user do.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.commands import Commands
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.step import Step

_CARGO_HOME: Final = "CARGO_HOME"

_LOCKS: Final = ".package-cache .package-cache-mutate"
_FETCHED: Final = "registry/cache registry/index git/db"

# A home on another file system is mounted: the links would be created on somebody's machine. Downloads of before-all or
# of an image stay as they are.
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

# A killed cargo may have left half a crate, which later ones take for whole. So crates that are new since the last
# check are tested, under cargo's own lock; if another cargo is at work just now, the next cell checks.
_LOOK: Final = """\
newer=; if [ -e .looked ]; then newer="-newer .looked"; fi
: >.looking
find registry/cache -name "*.crate" $newer -exec sh -c "$1" sh {} + && mv .looking .looked
"""
_TRY: Final = 'for crate; do gzip -t "$crate" 2>/dev/null || rm -f "$crate"; done'


def has_crates(files: Iterable[str]) -> bool:
    """Whether a project with these files contains Rust code."""
    return any(file.rpartition("/")[2] == "Cargo.toml" for file in files)


def share_downloads(layout: Layout) -> tuple[str, ...]:
    """Return the command that makes cargo store its downloads in the volume."""
    return ("sh", "-c", _SHARE, "sh", f"{layout.downloads}/cargo", _LOOK, _TRY)


def share_step(commands: Commands) -> Iterator[Step]:
    """Yield the step that shares cargo's downloads between cells; none on this machine, which shares its home."""
    if commands.tools.is_disposable and not commands.sets(_CARGO_HOME):
        path = (commands.tools.python_bin,)
        step = commands.step(StepKind.PREPARE, share_downloads(commands.layout), path=path, cwd=None)
        yield replace(step, shown="share what cargo downloads")
