"""The configuration of a cell's repository: settings that decide git's answers, without credentials and programs."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

Pairs = tuple[tuple[str, str], ...]
"""Keys, such as `remote.origin.url`, with their values, in order; a key may be repeated."""

_EFFECTIVE: Final = frozenset(
    {
        *("core.abbrev", "core.autocrlf", "core.eol", "core.safecrlf", "core.filemode", "core.symlinks"),
        *("core.ignorecase", "core.quotepath", "core.precomposeunicode"),
        *("log.date", "log.follow", "tag.sort", "branch.sort", "versionsort.suffix", "versionsort.prereleasesuffix"),
        *("status.showuntrackedfiles", "status.relativepaths", "diff.ignoresubmodules"),
        *("i18n.commitencoding", "i18n.logoutputencoding"),
    }
)
"""Settings from any of git's files, the user's and the system's too, which change answers of the usual commands."""

_OWN: Final = re.compile(
    r"remote\..*\.(url|pushurl|fetch|tagopt)|branch\..*\.(remote|merge)|submodule\..*\.(url|active)|user\.(name|email)",
    re.DOTALL,
)
"""Settings of the repository itself that a build may ask for. All others stay here: `http.*.extraheader` and
`url.*.insteadOf` may hold tokens; filters and hooks are programs that cells do not have."""

_FIXED: Final[Pairs] = (
    ("core.bare", "false"),
    ("core.logallrefupdates", "false"),
    # A file is unchanged if time and size are those of the index. Git 1.8.2 to 1.9 know the second name only.
    ("core.checkstat", "minimal"),
    ("core.statinfo", "minimal"),
    ("core.trustctime", "false"),
    # Objects are missing on purpose.
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
)


def read_pairs(listed: bytes) -> Pairs:
    """Return the settings from the output of `git config --list -z`."""
    pairs = []
    for line in listed.decode("utf-8", "surrogateescape").split("\0"):
        key, separator, value = line.partition("\n")
        if key:
            # A key without a value is true.
            pairs.append((key, value if separator else "true"))
    return tuple(pairs)


_HEADER: Final = re.compile(r'\s*\[\s*([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]\s*')
_SETTING: Final = re.compile(r'\s*([A-Za-z][A-Za-z0-9-]*)\s*=\s*"?((?:[^"\\#;]|\\.)*)"?.*')


def read_file(text: str) -> Pairs:
    """Return the settings of a configuration file, for a machine without git; lines of an unusual form are left out."""
    pairs: list[tuple[str, str]] = []
    section = ""
    for whole in text.splitlines():
        line = whole
        header = _HEADER.match(line)
        if header is not None:
            name = header[2]
            section = header[1].lower() + ("" if name is None else "." + re.sub(r"\\(.)", r"\1", name))
            line = line[header.end() :]
        setting = _SETTING.fullmatch(line)
        if setting is not None and section:
            pairs.append((f"{section}.{setting[1].lower()}", setting[2].strip()))
    return tuple(pairs)


def for_cells(effective: Pairs, own: Pairs) -> Pairs:
    """Return the settings that go into a cell, without credentials."""
    chosen = {key: value for key, value in effective if key in _EFFECTIVE}
    return (
        *sorted(chosen.items()),
        *((key, without_credentials(value)) for key, value in own if _OWN.fullmatch(key)),
    )


def write_config(pairs: Pairs, *, object_format: str, reference_storage: str = "files") -> bytes:
    """Return the content of a repository's configuration file with these settings."""
    extensions: Pairs = () if object_format == "sha1" else (("extensions.objectformat", object_format),)
    if reference_storage != "files":
        extensions += (("extensions.refstorage", reference_storage),)
    version = ("core.repositoryformatversion", "1" if extensions else "0")
    return "".join(_lines((version, *extensions, *_FIXED, *pairs))).encode("utf-8", "surrogateescape")


def without_credentials(value: str) -> str:
    """Return a URL without user, password and query, where these may be secret; any other value as it is.

    The user of `ssh://git@host` is no secret; `https://TOKEN@host` is one.
    """
    match = re.fullmatch(r"((?:[\w.+-]+::)?([A-Za-z][\w.+-]*)://)([^/?#]*@)?([^?#]*)(.*)", value, re.DOTALL)
    if match is None:
        return value
    before, scheme, user, rest, query = match.groups()
    if "ssh" in scheme.lower():
        kept = f"{user.partition(':')[0].rstrip('@')}@" if user else ""
        return f"{before}{kept}{rest}{query}"
    return f"{before}{rest}"


def _lines(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for key, value in pairs:
        section, _, rest = key.partition(".")
        name, _, variable = rest.rpartition(".")
        heading = f'{section} "{_escaped(name)}"' if name else section
        yield f'[{heading}]\n\t{variable} = "{_escaped(value)}"\n'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
