"""The pinned versions of the tools that cells install, as a constraints file for pip and uv (`constraints.txt`)."""

from functools import cache
from importlib import resources


@cache
def load_constraints() -> str:
    """Return constraints.txt without comments and blank lines."""
    text = resources.files("matrix_runner.catalog").joinpath("constraints.txt").read_text("utf-8")
    return "".join(f"{line}\n" for line in text.splitlines() if line and not line.startswith("#"))
