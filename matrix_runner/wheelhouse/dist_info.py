"""A wheel's `.dist-info` directory: METADATA, WHEEL and RECORD, checked against the file name."""

import base64
import binascii
import csv
import email.parser
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from email.message import Message
from functools import lru_cache
from types import MappingProxyType

import msgspec
from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from matrix_runner.errors import WheelRejected
from matrix_runner.wheelhouse.wheel_archive import MEMBERS_LIMIT
from matrix_runner.wheelhouse.wheel_name import TAGS_LIMIT, WheelName, parse_name, tag_count
from matrix_runner.wording import first_of

_TEXT_LIMIT = 32 * 1024**2
"""Bytes of METADATA, WHEEL or RECORD. RECORD has some hundred for each member, of which 200,000 are taken."""

_HEADERS_LIMIT = 1024**2
"""Bytes of METADATA before its description, and of WHEEL: Python's parser of mail makes a hundred times that of them.
The longest have licences and some hundred requirements in them, 50 kB."""

_ROWS_LIMIT = MEMBERS_LIMIT
"""Rows of RECORD: one for each member."""

_TAG_LIMIT = 255
"""Characters of a tag: no name of a wheel has room for more. Of other values messages show as many."""

_HEADERS_END = re.compile(rb"\n\r?\n|\r\r")
_MOST_NAMED = 10
"""Things that a message names one by one."""

_DIGESTS = {"sha256": 32, "sha384": 48, "sha512": 64}
"""sha256 or better (the wheel specification), with lengths in bytes."""


class RecordEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of RECORD. `size` in bytes, or None where the line has none."""

    algorithm: str
    digest: bytes
    size: int | None


class DistInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The parsed `.dist-info` directory. `unrecorded`: files that RECORD cannot or need not hash.

    `texts`: the content of its files that were read, by path.
    """

    root_is_purelib: bool
    record: Mapping[str, RecordEntry]
    unrecorded: frozenset[str]
    texts: Mapping[str, bytes]


def read_dist_info(archive: zipfile.ZipFile, wheel: str, name: WheelName) -> DistInfo:
    """Read and compare with the file name; raise WheelRejected if anything is missing, duplicated or different."""
    directory = _find(archive, wheel, name)
    metadata, wheel_file, path = (f"{directory}/{base}" for base in ("METADATA", "WHEEL", "RECORD"))
    texts = {metadata: _read(archive, metadata, wheel)}
    _check_metadata(texts[metadata], wheel, name)
    texts[wheel_file] = _read(archive, wheel_file, wheel)
    root_is_purelib = _check_wheel(texts[wheel_file], wheel, name)
    unrecorded = frozenset({path, f"{path}.jws", f"{path}.p7s"})
    texts[path] = _read(archive, path, wheel)
    record = _parse_record(texts[path], wheel, unrecorded)
    missing = record.keys() - set(archive.namelist())
    if missing:
        raise WheelRejected(f"{wheel}: {min(missing)} is in RECORD but not in the wheel")
    return DistInfo(
        root_is_purelib=root_is_purelib,
        record=MappingProxyType(record),
        unrecorded=unrecorded,
        texts=MappingProxyType(texts),
    )


def _find(archive: zipfile.ZipFile, wheel: str, name: WheelName) -> str:
    tops = {path.split("/", 1)[0] for path in archive.namelist() if "/" in path}
    found = sorted(top for top in tops if top.endswith(".dist-info"))
    if len(found) != 1:
        listed = first_of(found, _MOST_NAMED) or "none"
        raise WheelRejected(f"{wheel} must have exactly one .dist-info directory at its top; found: {listed}")
    told = parse_name(f"{found[0].removesuffix('.dist-info')}-py3-none-any.whl")
    if (told.project, told.version) != (name.project, name.version):
        raise WheelRejected(f"{wheel}: its directory {found[0]} is that of another project or version")
    return found[0]


def _read(archive: zipfile.ZipFile, path: str, wheel: str) -> bytes:
    try:
        member = archive.getinfo(path)
    except KeyError:
        raise WheelRejected(f"{wheel} has no {path}") from None
    if member.file_size > _TEXT_LIMIT:
        raise WheelRejected(f"{wheel}: {path} has {member.file_size} bytes; at most {_TEXT_LIMIT} are read")
    return archive.read(member)


def _check_metadata(data: bytes, wheel: str, name: WheelName) -> None:
    try:
        told = _name_and_version(data)
    except WheelRejected as error:
        raise WheelRejected(f"{wheel}: {error.message}") from error
    if told[0] is None or told[1] is None:
        raise WheelRejected(f"{wheel}: METADATA does not give one Name and one Version")
    try:
        agrees = (canonicalize_name(told[0]), Version(told[1])) == (name.project, name.version)
    except InvalidVersion:
        agrees = False
    if not agrees:
        raise WheelRejected(f"{wheel}: METADATA says it is {told[0][:_TAG_LIMIT]} {told[1][:_TAG_LIMIT]}")


@lru_cache(maxsize=2)  # the wheels of a project's cells mostly have the same METADATA
def _name_and_version(metadata: bytes) -> tuple[str | None, str | None]:
    # Not `packaging.metadata`: it asks for each name among all of them, a day's work in a file that has nothing else.
    headers = parse_headers(metadata, "METADATA")
    names, versions = headers.get_all("Name", []), headers.get_all("Version", [])
    return (names[0], versions[0]) if len(names) == len(versions) == 1 else (None, None)


def parse_headers(data: bytes, name: str) -> "Message[str, str]":
    """Return the headers of a file in the form of mail, up to the first empty line.

    Raise WheelRejected, without the archive's name, if they are more than are read. `name`: of the file.
    """
    end = _HEADERS_END.search(data)
    headers = data if end is None else data[: end.start()]
    if len(headers) > _HEADERS_LIMIT:
        raise WheelRejected(f"{name} has headers of {len(headers)} bytes; at most {_HEADERS_LIMIT} are read")
    # Of text: what is no ASCII would be an object of another class than all other values.
    return email.parser.HeaderParser().parsestr(headers.decode("utf-8", "replace"))


def _check_wheel(data: bytes, wheel: str, name: WheelName) -> bool:
    """Compare the tags, and return whether the wheel declares itself pure."""
    # scikit-build's WHEEL file had a blank line before the tags that auditwheel added (ninja 1.11.1.1, installs fine).
    lines = b"\n".join(line for line in data.splitlines() if line.strip())
    message = parse_headers(lines, f"{wheel}: WHEEL")
    if message.get("Wheel-Version", "").partition(".")[0].strip() != "1":
        raise WheelRejected(f"{wheel}: WHEEL gives no Wheel-Version 1.x, which is all that installers read")
    tags: set[Tag] = set()
    count = 0
    for tag in message.get_all("Tag", []):
        if len(tag) > _TAG_LIMIT or tag.count("-") != 2:
            raise WheelRejected(f"{wheel}: WHEEL has the malformed tag {tag[:_TAG_LIMIT]!r}")
        count += tag_count(tag)
        if count > TAGS_LIMIT:
            raise WheelRejected(f"{wheel}: WHEEL has more than {TAGS_LIMIT} tags")
        tags |= parse_tag(tag.strip())
    if tags != name.tags:
        told = first_of(sorted(map(str, tags)), _MOST_NAMED) or "none"
        raise WheelRejected(
            f"{wheel}: the tags in its WHEEL file are others than those in its name: {told}",
            hint="Was the wheel renamed by hand? `python -m wheel tags` changes both.",
        )
    return message.get("Root-Is-Purelib", "").strip().lower() == "true"


def _parse_record(data: bytes, wheel: str, unrecorded: frozenset[str]) -> dict[str, RecordEntry]:
    record: dict[str, RecordEntry] = {}
    for row in _rows(data, wheel):
        path, digest, size = row if len(row) == 3 else (row[0], "", "")
        if path in unrecorded:
            continue
        entry = _entry(path, digest, size, wheel)
        if record.setdefault(path, entry) != entry:
            raise WheelRejected(f"{wheel}: RECORD has two different lines for {path}")
    return record


def _rows(data: bytes, wheel: str) -> Iterator[list[str]]:
    # Row by row: a file of nothing but line ends would be a hundred times as large in memory.
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
        for number, row in enumerate(filter(None, rows), start=1):
            if number > _ROWS_LIMIT:
                raise WheelRejected(f"{wheel}: RECORD has more than {_ROWS_LIMIT} rows")
            yield row
    except (UnicodeDecodeError, csv.Error) as error:
        raise WheelRejected(f"{wheel}: RECORD cannot be read: {error}") from error


def _entry(path: str, digest: str, size: str, wheel: str) -> RecordEntry:
    algorithm, _, text = digest.partition("=")
    try:
        value = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != _DIGESTS.get(algorithm, -1):
        raise WheelRejected(f"{wheel}: RECORD has no hash of {path}, or none of sha256 or better")
    if size and not size.isdecimal():
        raise WheelRejected(f"{wheel}: RECORD gives {path} the size {size[:_TAG_LIMIT]!r}")
    return RecordEntry(algorithm=algorithm, digest=value, size=int(size) if size else None)
