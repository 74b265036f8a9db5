"""Grafted libraries of a repaired wheel that no package of the image owns: found, and listed in a document."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from matrix_runner.config.options.wheel_options import UNOWNED_SBOM
from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import Container, Ending, ExecRequest
from matrix_runner.files import sha256_of_rest
from matrix_runner.policy import WheelAnatomy
from matrix_runner.policy.sboms import NO_BILL, has_path, origin_name, without_entry
from matrix_runner.policy.unowned_bill import GraftedFile, unowned_bill
from matrix_runner.recipe.after_build.sbom_insertion import lists_owners
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.wheelhouse.wheel_archive import open_archive

_LONGEST: Final = 1024**2

_SECONDS: Final = 60
"""Of a search in an image, which takes less than one; this machine itself may have millions of files."""

# Not in what is mounted there, nor among our own files, of which the wheel's unpacked libraries may be.
_FIND: Final = """\
own=$1; shift
exec find / -xdev \\( -path "$own" -o -path /proc -o -path /sys \\) -prune -o \\( "$@" \\) -print 2>/dev/null
"""


def bill_of_unowned(recipe: CellRecipe, wheel: Path, anatomy: WheelAnatomy, container: Container) -> bytes | None:
    """Return a document on the grafted libraries of a wheel that none in it lists; None if there are no such ones.

    Also None where nobody has looked for owners, or with cibuildwheel's table, whose wheels stay as its own are.
    """
    settings, contents = recipe.job.settings, anatomy.contents
    if not contents.grafted_files or settings.is_drop_in or not settings[UNOWNED_SBOM]:
        return None
    if not lists_owners(settings, recipe.tools.facts):
        return None
    bill, arch = anatomy.bill or NO_BILL, recipe.job.cell.platform.arch
    rest = without_entry(contents.grafted_files, bill, arch)
    if rest and bill.digests:
        # By the digest of a path that could not be guessed, one of them may be listed.
        places = _places(container, rest, recipe.tools.layout.matrix)
        if places is None:
            return None
        rest = tuple(
            path for path in rest if not any(has_path(bill, each) for each in places.get(origin_name(path), ()))
        )
    if not rest:
        return None
    sonames = {each.path: each.soname for each in anatomy.binaries}
    digests = _digests(wheel, rest)
    return unowned_bill(
        anatomy, [GraftedFile(path=path, sha256=digests[path], soname=sonames.get(path)) for path in rest]
    )


def _places(container: Container, grafted: Iterable[str], own: str) -> dict[str, list[str]] | None:
    """Return the paths in the container of files that are named like the origins of grafted libraries, by name.

    None if the search does not end in time: better nothing is said than something wrong. `own`: our directory there.
    """
    names = dict.fromkeys(map(origin_name, grafted))
    words = [word for name in names for word in ("-o", "-name", _literal(name))][1:]
    listing = Answer(_LONGEST)
    request = ExecRequest(argv=("sh", "-c", _FIND, "sh", own, *words), cwd="/", timeout=_SECONDS)
    # Its status says only that there were directories which nobody may read.
    if container.exec(request, listing.hear).ending is not Ending.EXITED:
        return None
    found: dict[str, list[str]] = {}
    for path in listing.text.splitlines():
        # A loader that looks in /lib finds what a distribution with one directory for both has in /usr/lib.
        found.setdefault(path.rpartition("/")[2], []).extend((path, path.removeprefix("/usr")))
    return found


def _literal(name: str) -> str:
    """Return a name as a pattern of `find` that matches nothing else."""
    return "".join(f"\\{each}" if each in "*?[]\\" else each for each in name)


def _digests(wheel: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of files in a wheel. Raise WheelRejected."""
    with wheel.open("rb") as file, open_archive(file, wheel.name) as archive:
        found: dict[str, str] = {}
        for path in paths:
            with archive.open(path) as member:
                found[path] = sha256_of_rest(member)
        return found
