"""Comparison of wheels by name and content, file by file."""

import zipfile
from pathlib import Path

Contents = dict[str, tuple[int, bytes]]
"""Permissions and content of each file of a wheel, by its path."""


def contents(wheel: Path) -> Contents:
    """Return the files of a wheel; without RECORD, whose lines follow from the others and may be in any order."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            member.filename: (member.external_attr >> 16 & 0o777, archive.read(member))
            for member in archive.infolist()
            if not member.is_dir() and not member.filename.endswith(".dist-info/RECORD")
        }


def differences(expected: Path, found: Path) -> list[str]:
    """Return a line for each difference between the wheels in two directories; not for times and compression."""
    theirs, ours = ({path.name: path for path in directory.iterdir()} for directory in (expected, found))
    lines = [f"{name}: in one directory only" for name in sorted(theirs.keys() ^ ours.keys())]
    for name in sorted(theirs.keys() & ours.keys()):
        before, after = contents(theirs[name]), contents(ours[name])
        lines += [
            f"{name}: {file}" for file in sorted(before.keys() | after.keys()) if before.get(file) != after.get(file)
        ]
    return lines
