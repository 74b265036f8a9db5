"""Programs for the Pythons of cells, 3.8 and newer: their text goes there, and nothing here imports them."""

from functools import cache
from importlib import resources


@cache
def program_text(name: str) -> str:
    """Return the source of a program of this package, which needs nothing but the standard library."""
    return resources.files("matrix_runner.cell_programs").joinpath(f"{name}.py").read_text("utf-8")
