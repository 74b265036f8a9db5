"""The versions of the tools that cells install for themselves, as a constraints file for pip and uv."""

from functools import cache
from importlib import resources


@cache
def load_constraints() -> str:
    """Return the lines of constraints.txt that constrain something, one a line."""
    text = resources.files("matrix_runner.catalog").joinpath("constraints.txt").read_text("utf-8")
    return "".join(f"{line}\n" for line in text.splitlines() if line and not line.startswith("#"))
