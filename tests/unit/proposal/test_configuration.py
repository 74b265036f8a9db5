"""The proposed table: its settings and their reasons, as TOML that the loader reads."""

from pathlib import Path

import pytest
from surveyed import surveyed, written

from matrix_runner.config.loading.loading import load
from matrix_runner.errors import UsageError
from matrix_runner.proposal.availability import MissingWheels
from matrix_runner.proposal.configuration import Availability, propose
from matrix_runner.proposal.table_text import table_text, with_table
from matrix_runner.toml import loads

SETUP = (
    "from setuptools import Extension, setup\nsetup(name='thing', ext_modules=[Extension('thing', ['thing.c']{})])\n"
)
MAIN = "import unittest\n\ndef test_main():\n    unittest.main(verbosity=2)\n"
GIL_FREE = {"thing.c": "Py_MOD_GIL_NOT_USED"}


def proposed(directory: Path, files: dict[str, str], availability: Availability | None = None) -> dict[str, object]:
    """Return the settings of the proposal, as the loader reads them from the file that it goes into."""
    text = table_text(propose(surveyed(directory, files), availability or Availability()))
    tool = loads(text)["tool"]
    assert isinstance(tool, dict)
    table = tool["matrix-runner"]
    assert isinstance(table, dict)
    file = directory / "proposed.toml"
    file.write_text(text)
    load(directory, environ={}, flags={}, config_file=file)
    return dict(table)


def test_a_library_tests_and_the_gil(tmp_path: Path) -> None:
    """The whole table of a small project."""
    files = {
        "setup.py": SETUP.format(", libraries=['lz4']"),
        "thing.c": "#include <Python.h>",
        "src/thing/__init__.py": "",
        "tests/test_it.py": "import thing",
    }
    assert table_text(propose(surveyed(tmp_path, files), Availability())) == (
        "[tool.matrix-runner]\n"
        "# nothing says that the code runs without the GIL\n"
        'skip = ["cp3??t-*"]\n'
        "# setup.py looks for lz4\n"
        'before-all = """\n'
        "if command -v apk >/dev/null; then apk add --no-cache lz4-dev\n"
        "elif command -v apt-get >/dev/null; then apt-get update && apt-get install -y liblz4-dev\n"
        "else yum install -y lz4-devel\n"
        "fi\n"
        '"""\n'
        'test-requires = ["pytest"]\n'
        "# tests in tests/\n"
        'test-command = "pytest {project}/tests"\n'
    )


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"thing/__init__.py": "", "tests/test_it.py": ""}, "pytest --import-mode=append {project}/tests"),
        (
            {
                "thing/__init__.py": "",
                "tests/test_it.py": "",
                "pytest.ini": "[pytest]\naddopts = --import-mode=importlib --cov=thing\npythonpath = src",
            },
            "pytest --no-cov -o pythonpath= {project}/tests",
        ),
        (
            {"thing/__init__.py": "", "thing/tests/__init__.py": "", "thing/tests/test_it.py": ""},
            "pytest --pyargs thing.tests",
        ),
        ({"tests/test_it.py": 'open("tests/data.bin")'}, "pytest tests"),
        ({"tests/test_it.py": "import hypothesis"}, "pytest --hypothesis-profile=ci {project}/tests"),
        ({"tests/test_it.py": MAIN}, "pytest -k 'not test_main' {project}/tests"),
        ({"tests/test_it.py": MAIN.replace("def test_main", "def main")}, "pytest {project}/tests"),
        ({"thing.py": "", "tests/test_it.py": "import nowhere_declared"}, 'python -c "import thing"'),
        ({"setup.py": SETUP.format(", libraries=['pq']"), "tests/test_it.py": ""}, 'python -c "import thing"'),
    ],
)
def test_test_commands(files: dict[str, str], command: str, tmp_path: Path) -> None:
    """The project's own tests where they can run, against the installed wheel and never the source; else an import."""
    assert proposed(tmp_path, {"setup.py": SETUP.format(""), **GIL_FREE, **files})["test-command"] == command


def test_what_has_no_wheels_is_skipped(tmp_path: Path) -> None:
    """A build's requirement leaves cells out, a test's only their tests."""
    availability = Availability(
        build=MissingWheels(patterns=("*_i686",), packages=("numpy",)),
        test=MissingWheels(patterns=("cp314t-*",), packages=("pandas",)),
    )
    table = proposed(tmp_path, {"setup.py": SETUP.format(""), **GIL_FREE, "tests/test_it.py": ""}, availability)
    assert (table["skip"], table["test-skip"]) == (["*_i686"], ["cp314t-*"])


def test_a_library_that_alpine_has_not(tmp_path: Path) -> None:
    """It leaves musllinux out, and the rest can be built."""
    table = proposed(tmp_path, {"setup.py": SETUP.format(", libraries=['systemd']"), **GIL_FREE})
    assert table["skip"] == ["*-musllinux_*"]


def test_a_workflow_for_cibuildwheel_comes_first(tmp_path: Path) -> None:
    """Whoever has one knows the project; what it does not say is found out as ever."""
    workflow = 'env:\n  CIBW_SKIP: "pp*"\n  CIBW_TEST_COMMAND: make check\n  CIBW_TEST_REQUIRES: pytest tox\n'
    files = {".github/workflows/w.yml": workflow, "tests/test_it.py": "", "thing.c": "#include <lz4.h>"}
    table = proposed(tmp_path, {"setup.py": SETUP.format(""), **files})
    assert "liblz4-dev" in str(table.pop("before-all"))
    assert table == {"skip": ["pp*", "cp3??t-*"], "test-command": "make check", "test-requires": "pytest tox"}


def test_open_questions(tmp_path: Path) -> None:
    """A library that no table knows, one that a distribution has not: said, with what to do."""
    files = {"setup.py": SETUP.format(", libraries=['unheardof', 'avcodec']"), **GIL_FREE}
    questions = propose(surveyed(tmp_path, files), Availability()).open_questions
    assert questions == (
        "setup.py looks for `unheardof`: if images lack it, install it in `before-all`",
        "AlmaLinux has no libavcodec-dev (as Debian calls it): build it in `before-all`",
    )


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# A comment.\n[project]\nname = 'thing' # kept\n",
        '[tool.ruff]\r\nline-length = 100\r\n\r\n[project]\r\nname = "thing"\r\n',
        "[tool]\nruff = {line-length = 100}",
    ],
)
def test_the_rest_of_the_file_stays(before: str, tmp_path: Path) -> None:
    """Every line of it is still there, in its order."""
    proposal = propose(surveyed(tmp_path, {"setup.py": SETUP.format(""), "tests/test_it.py": ""}), Availability())
    after = with_table(before, proposal)
    lines = iter(after.splitlines())
    assert all(any(line == each for each in lines) for line in before.splitlines())
    assert "test-command" in after


def test_an_inline_table_of_tools_is_refused(tmp_path: Path) -> None:
    """TOML cannot add to it from outside."""
    proposal = propose(surveyed(tmp_path, {"setup.py": SETUP.format("")}), Availability())
    with pytest.raises(UsageError, match="no table can be added"):
        with_table("tool = {ruff = {}}", proposal)


def test_a_build_system_for_what_setup_py_imports(tmp_path: Path) -> None:
    """No backend is named: the default has setup.py's own directory on its path, which many such scripts need."""
    files = {"setup.py": "from Cython.Build import cythonize\n" + SETUP.format(""), **GIL_FREE}
    proposal = propose(surveyed(tmp_path, files), Availability())
    assert loads(with_table("", proposal))["build-system"] == {"requires": ["setuptools", "cython"]}


def test_every_reason_is_one_line_or_more_of_comment(tmp_path: Path) -> None:
    """However long: TOML's comments end with their line."""
    libraries = "['lz4', 'yaml', 'ffi', 'ssl', 'xml2', 'curl', 'zstd', 'png', 'jpeg', 'tiff', 'webp', 'lcms2']"
    files = written(tmp_path, {"setup.py": SETUP.format(f", libraries={libraries}")})
    text = table_text(propose(surveyed(files, {}), Availability()))
    assert max(map(len, text.splitlines())) <= 300
    assert loads(text)
