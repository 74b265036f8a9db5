"""The project's constraints on what its build requires (`build-constraints`): their text, and whether they pin it."""

import re
from pathlib import Path

from matrix_runner.config.kinds.values import BuildConstraints
from matrix_runner.errors import ConfigError


def constraints_text(project: Path, constraints: BuildConstraints) -> str:
    """Return the constraints as text. Raise ConfigError for a file that cannot be read."""
    if not constraints.file:
        return "".join(f"{line}\n" for line in constraints.lines)
    try:
        return (project / constraints.file).read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(
            (f"build-constraints: the project has no file {constraints.file}",),
            hint=f"it is looked for in {project}; a list of lines in place of a path needs no file",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError((f"build-constraints: {constraints.file} cannot be read: {error}",)) from error


def has_hashes(text: str) -> bool:
    """Whether every requirement has a hash, so that an installer checks them all (pip's hash-checking mode).

    False if there is none, and if another file is referred to, which is not read here.
    """
    lines = re.sub(r"\\\n", " ", text).splitlines()
    filled = [line for line in (re.sub(r"(^|\s)#.*$", "", line).strip() for line in lines) if line]
    if any(re.match(r"(-[rce]|--(requirement|constraint|editable))\b", line) for line in filled):
        return False
    required = [line for line in filled if not line.startswith("-")]
    return bool(required) and all("--hash=" in line for line in required)
