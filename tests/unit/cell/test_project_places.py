"""Places in the project that tools' paths mean: whatever directory they work in, and never a file outside of it."""

import pytest

from matrix_runner.cell.causes.project_places import ProjectFiles, first_place
from matrix_runner.model.outcomes import Place

NAMES = (
    *("CMakeLists.txt", "setup.py", "src/demo/_core.c", "src/demo/__init__.py", "tests/test_core.py"),
    *("packages/one/setup.py", "packages/one/src/one.c", "packages/two/src/two.c", "packages/two/src/util.c"),
    *("packages/one/src/util.c",),
)
ROOTS = (("/repository/sub", ""), ("/project", ""), ("/matrix/sdist", "packages/one"), ("/matrix/test", ""))


@pytest.mark.parametrize(
    ("told", "name"),
    [
        # From the project's own directory, and by its path in the container.
        ("src/demo/_core.c", "src/demo/_core.c"),
        ("./src/demo/_core.c", "src/demo/_core.c"),
        ("/project/src/demo/_core.c", "src/demo/_core.c"),
        ("/repository/sub/src/demo/_core.c", "src/demo/_core.c"),
        # From a build directory, as Meson and CMake compile: inside, beside, several levels deep.
        ("../src/demo/_core.c", "src/demo/_core.c"),
        ("../../src/demo/_core.c", "src/demo/_core.c"),
        ("../CMakeLists.txt", "CMakeLists.txt"),
        ("build/../src/demo/_core.c", "src/demo/_core.c"),
        # From the directory of the tests, and tests that were copied there.
        ("../../project/tests/test_core.py", "tests/test_core.py"),
        ("/matrix/test/tests/test_core.py", "tests/test_core.py"),
        # In copies: of the sdist, of pip, of uv.
        ("/matrix/sdist/src/one.c", "packages/one/src/one.c"),
        ("/matrix/sdist/setup.py", "packages/one/setup.py"),
        ("/scratch/pip-req-build-x1/src/demo/_core.c", "src/demo/_core.c"),
        ("/root/.cache/uv/sdists-v9/x/src/demo/_core.c", "src/demo/_core.c"),
        # A file of one name only, from any directory.
        ("two.c", "packages/two/src/two.c"),
        # What is there, of several with one end.
        ("setup.py", "setup.py"),
    ],
)
def test_a_path_leads_to_the_file_that_it_means(told: str, name: str) -> None:
    """Compared from its end with the files that the project has."""
    assert ProjectFiles(names=NAMES, roots=ROOTS).name_of(told) == name


@pytest.mark.parametrize(
    "told",
    [
        "",
        "/",
        "..",
        "../..",
        # Other files than the project's, though it has one of that name.
        "/usr/include/setup.py",
        "/opt/python/cp311-cp311/lib/python3.11/site-packages/demo/setup.py",
        "/matrix/isolated/lib/python3.11/site-packages/src/demo/_core.c",
        "/scratch/other/setup.py",
        "<frozen importlib._bootstrap>",
        "<string>",
        # Two files end so.
        "util.c",
        "src/util.c",
        # None ends so.
        "src/demo/_other.c",
        "/project/../etc/passwd",
        "/etc/passwd",
        "\x00",
        "x" * 5000,
    ],
)
def test_other_paths_lead_nowhere(told: str) -> None:
    """A wrong place is worse than none."""
    assert ProjectFiles(names=NAMES, roots=ROOTS).name_of(told) is None


def test_the_built_package_comes_first() -> None:
    """Of a project with several packages it is the one whose build speaks."""
    assert ProjectFiles(names=NAMES, roots=ROOTS, package="packages/one").name_of("setup.py") == "packages/one/setup.py"
    assert ProjectFiles(names=NAMES, roots=ROOTS, package="packages/two").name_of("../src/util.c") == (
        "packages/two/src/util.c"
    )


@pytest.mark.parametrize(
    ("line", "column", "place"),
    [
        ("3", "9", Place(path="setup.py", line=3, column=9)),
        ("3", None, Place(path="setup.py", line=3)),
        ("3", "0", Place(path="setup.py", line=3)),
        ("0", "1", None),
        ("-1", "1", None),
        (None, None, None),
        ("\N{ARABIC-INDIC DIGIT THREE}", None, None),
        ("9" * 40, None, None),
    ],
)
def test_a_place_has_a_line(line: str | None, column: str | None, place: Place | None) -> None:
    """Lines and columns count from 1; a column that is none is left out."""
    assert ProjectFiles(names=NAMES).place("setup.py", line, column) == place


def test_the_innermost_place_in_the_project_counts() -> None:
    """Frames of libraries are passed over."""
    told = (("/usr/lib/python3.11/json/decoder.py", "353", None), ("tests/test_core.py", "5", None))
    assert first_place(ProjectFiles(names=NAMES), told) == Place(path="tests/test_core.py", line=5)
