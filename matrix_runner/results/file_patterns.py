"""Patterns of files as shells know them, part by part of a path, with `**` for any directories. Pure."""

from fnmatch import fnmatchcase


def matches(pattern: str, path: str) -> bool:
    """Whether a path matches a pattern; both relative, with `/`. `*`, `?` and `[a-z]` stand for no `/`.

    Python has this from 3.13 on (`glob.translate`).
    """
    parts = path.split("/")
    # The numbers of parts that the pattern, up to where it has been read, can stand for: several, after a `**`.
    read = {0}
    for piece in pattern.split("/"):
        if piece == "**":
            read = set(range(min(read, default=0), len(parts)))
        else:
            read = {at + 1 for at in read if at < len(parts) and fnmatchcase(parts[at], piece)}
        if not read:
            return False
    # At its end `**` stands for files too.
    return len(parts) in read or piece == "**"
