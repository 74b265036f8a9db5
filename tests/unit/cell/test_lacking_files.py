"""Advice for a build from an sdist that lacks files of the project."""

import pytest

from matrix_runner.cell.explanations.lacking_files import advice_on_lacking_files

HEAD = "it was built from demo-1.0.tar.gz, which lacks files of the project: "


@pytest.mark.parametrize(
    ("project", "sdist", "package", "named"),
    [
        ("a.c a.h setup.py", "a.c setup.py PKG-INFO", "", "a.h"),
        ("py/a.c py/src/b.rs other/c.c", "a.c", "py", "src/b.rs"),
        ("CMakeLists.txt lib/Makefile a.c", "a.c", "", "CMakeLists.txt, lib/Makefile"),
        ("a.c b.c c.c d.c e.c", "", "", "a.c, b.c, c.c, d.c and 1 more"),
        # No build needs these.
        (".git .github/x.py tests/a.c docs/conf.py README.md a.png", "", "", None),
        ("a.c", "a.c", "", None),
    ],
)
def test_what_is_named(project: str, sdist: str, package: str, named: str | None) -> None:
    """Sources and build files of the package, at most four."""
    advice = advice_on_lacking_files(project.split(), sdist.split(), package=package, sdist_name="demo-1.0.tar.gz")
    assert advice == (None if named is None else HEAD + named)
