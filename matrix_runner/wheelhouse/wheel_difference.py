"""The difference between two wheels of one name, member by member, to tell why a build is not reproducible."""

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from elftools.elf.elffile import ELFFile

from matrix_runner.errors import WheelRejected
from matrix_runner.wheelhouse.wheel_archive import open_archive
from matrix_runner.wording import first_of

_MOST_MEMBERS: Final = 4
_MOST_BYTES: Final = 64 * 1024**2
_LINE: Final = 80
_TEXT: Final = re.compile(rb"[\x20-\x7e]{4,400}")
_CAUSES: Final = (
    (".text", "code"),
    (".rodata", "constants, such as a time or a path"),
    (".debug", "debug information, such as the path of the sources"),
    (".note.gnu.build-id", "the build id alone"),
)
"""What differs, by the beginning of a section's name; each follows from those before it."""
_WITH_TEXTS: Final = frozenset({".rodata", ".debug"})


def difference(old: Path, new: Path) -> str:
    """Return the members in which two wheels differ, as a clause, with the likely cause where a member tells it.

    RECORD is left out, as it follows from the others. Never raises: a file that is no wheel is only said to differ.
    """
    try:
        with (
            old.open("rb") as one,
            new.open("rb") as other,
            open_archive(one, old.name) as before,
            open_archive(other, new.name) as after,
        ):
            found = list(_members(before, after)) or list(_headers(before, after))
    except (OSError, WheelRejected) as error:
        return f"content that cannot be compared ({error})"
    return first_of(found, _MOST_MEMBERS) or "bytes of the archive that are of no member"


def _members(before: zipfile.ZipFile, after: zipfile.ZipFile) -> Iterator[str]:
    old, new = ({member.filename: member for member in each.infolist()} for each in (before, after))
    for name in sorted(old.keys() | new.keys()):
        if name.endswith(".dist-info/RECORD"):
            continue
        if name not in new:
            yield f"{name} (in the old one only)"
        elif name not in old:
            yield f"{name} (in the new one only)"
        elif (old[name].CRC, old[name].file_size) != (new[name].CRC, new[name].file_size):
            is_small = max(old[name].file_size, new[name].file_size) <= _MOST_BYTES
            cause = _cause(before.read(name), after.read(name)) if is_small else ""
            yield f"{name} ({cause})" if cause else name
        elif old[name].external_attr != new[name].external_attr:
            yield f"{name} (mode)"


def _headers(before: zipfile.ZipFile, after: zipfile.ZipFile) -> Iterator[str]:
    """Yield in which ways archives with the same members hold them otherwise."""
    old, new = before.infolist(), after.infolist()
    if [one.filename for one in old] != [one.filename for one in new]:
        yield "the order of the members"
    others = {member.filename: member for member in new}
    pairs = [(one, others[one.filename]) for one in old]
    for one, other in pairs:
        if one.date_time != other.date_time:
            yield f"times of members, such as {one.filename}: {_time(other)} in place of {_time(one)}"
            break
    for one, other in pairs:
        if (one.compress_type, one.compress_size) != (other.compress_type, other.compress_size):
            yield (
                f"the compression of members, such as {one.filename}: {other.compress_size} bytes in place of"
                f" {one.compress_size}"
            )
            break
    if any(
        (one.create_system, one.extra, one.comment) != (two.create_system, two.extra, two.comment) for one, two in pairs
    ):
        yield "further fields of members' headers"


def _time(member: zipfile.ZipInfo) -> str:
    year, month, day, hour, minute, second = member.date_time
    return f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"


def _cause(old: bytes, new: bytes) -> str:
    if old[:4] == new[:4] == b"\x7fELF":
        # A broken file differs too; only the cause stays unknown.
        with suppress(Exception):
            one, other = _sections(old), _sections(new)
            names = {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
            cause, start = next(((text, at) for at, text in _CAUSES if any(n.startswith(at) for n in names)), ("", ""))
            changed = sorted(name for name in names if start in _WITH_TEXTS and name.startswith(start))
            words = next(filter(None, (_words(one.get(n, b""), other.get(n, b"")) for n in changed)), "")
            return f"{cause}: {words}" if words else cause
        return ""
    with suppress(UnicodeDecodeError):
        lines = zip(old.decode("utf-8").splitlines(), new.decode("utf-8").splitlines(), strict=False)
        for number, (one_line, other_line) in enumerate(lines, start=1):
            if one_line != other_line:
                return f"line {number}: {other_line.strip()[:_LINE]!r} in place of {one_line.strip()[:_LINE]!r}"
        return "length"
    return ""


def _words(old: bytes, new: bytes) -> str:
    """Return the first text that one section has in place of another one's; "" if none can be told."""
    pairs = zip(_TEXT.findall(old), _TEXT.findall(new), strict=False)
    gone, come = next(((one, other) for one, other in pairs if one != other), (b"", b""))
    return f"{_quoted(come)} in place of {_quoted(gone)}" if gone else ""


def _quoted(text: bytes) -> str:
    return repr(text.decode("ascii")[:_LINE])


def _sections(data: bytes) -> dict[str, bytes]:
    return {section.name: section.data() for section in ELFFile(io.BytesIO(data)).iter_sections()}
