"""What a project says of itself, in whichever of three files it does."""

import os
from pathlib import Path

import pytest

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.loading.metadata import Metadata, read_metadata
from matrix_runner.toml import loads

SETUP_CFG = "[metadata]\nname = from-cfg\n[options]\npython_requires = >=3.8\n"
SETUP_PY = "from setuptools import setup\nsetup(name='from-py', python_requires='>=3.7')\n"


def read(directory: Path, *, toml: str = "", cfg: str | bytes | None = None, py: str | bytes | None = None) -> Metadata:
    """Write a project of up to three files and read it."""
    for name, content in (("setup.cfg", cfg), ("setup.py", py)):
        if content is not None:
            (directory / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_metadata(BuildFiles(directory), loads(toml))


def said(metadata: Metadata) -> tuple[str | None, str | None, str | None]:
    """Return what was found, after a look that nothing was wrong with it."""
    assert metadata.mistakes == ()
    assert metadata.warnings == ()
    return metadata.name, metadata.requires_python, metadata.requires_python_origin


def test_a_project_that_says_nothing(tmp_path: Path) -> None:
    """Without any of the files nothing is known, and nothing is wrong."""
    assert read(tmp_path) == Metadata()


def test_the_project_table_comes_first(tmp_path: Path) -> None:
    """`[project]` wins over setup.cfg and setup.py, whatever is in these."""
    toml = "[project]\nname = 'from-toml'\nrequires-python = '>=3.9'"
    metadata = read(tmp_path, toml=toml, cfg=SETUP_CFG, py=SETUP_PY)
    assert said(metadata) == ("from-toml", ">=3.9", "pyproject.toml: project.requires-python")


def test_setup_cfg_comes_second(tmp_path: Path) -> None:
    """setup.cfg fills in what `[project]` does not say."""
    metadata = read(tmp_path, toml="[project]\nname = 'from-toml'", cfg=SETUP_CFG, py=SETUP_PY)
    assert said(metadata) == ("from-toml", ">=3.8", "setup.cfg: options.python_requires")


def test_setup_py_comes_last(tmp_path: Path) -> None:
    """setup.py fills in what neither of the others says."""
    metadata = read(tmp_path, cfg="[metadata]\nname = from-cfg\n", py=SETUP_PY)
    assert said(metadata) == ("from-cfg", ">=3.7", "setup.py: python_requires")


def test_percent_signs_in_setup_cfg_are_plain(tmp_path: Path) -> None:
    """Setuptools gives them no meaning, so they are none of ours."""
    metadata = read(tmp_path, cfg="[egg_info]\ntag_date = %Y\n" + SETUP_CFG.replace("from-cfg", "a%b"))
    assert said(metadata)[0] == "a%b"


FOUND_IN_SETUP_PY = {
    "as a script": "if __name__ == '__main__':\n    setup(name='n', python_requires='>=3')",
    "as a script, turned round": "if '__main__' == __name__:\n    setup(name='n', python_requires='>=3')",
    "by its module": "import setuptools\nsetuptools.setup(name='n', python_requires='>=3')",
    "kept": "dist = setup(name='n', python_requires='>=3')",
    "a constant name": "NAME: str = 'n'\nsetup(name=NAME, python_requires='>=3')",
    "joined literals": "setup(name='n', python_requires='>'\n '=3')",
    "an escape Python warns of": "import re\nre.compile('\\d')\nsetup(name='n', python_requires='>=3')",
    "an encoding": "# -*- coding: latin-1 -*-\nsetup(name='n', author='\xe9', python_requires='>=3')".encode("latin-1"),
    "another name before": "Extension(name='x')\next = Extension(name='y')\nsetup(name='n', python_requires='>=3')",
}


@pytest.mark.parametrize("text", FOUND_IN_SETUP_PY.values(), ids=FOUND_IN_SETUP_PY)
def test_what_setup_py_plainly_says_is_found(tmp_path: Path, text: str | bytes) -> None:
    """A literal, the name also by a constant, in a call that runs whenever the file does."""
    assert said(read(tmp_path, py=text)) == ("n", ">=3", "setup.py: python_requires")


NOT_IN_SETUP_PY = {
    "in a function": "def main():\n    setup(name='n', python_requires='>=3')",
    "in another condition": "if sys.version_info > (3,):\n    setup(name='n', python_requires='>=3')",
    "only when imported": "if __name__ != '__main__':\n    setup(name='n', python_requires='>=3')",
    "computed": "setup(name='a' + 'b', python_requires=f'>={3}')",
    "given twice": "N = 'n'\nR = '>=3'\nif x:\n    N = 'm'\n    R = '>=4'\nsetup(name=N, python_requires=R)",
    "a constant": "R = '>=3'\nsetup(python_requires=R)",
    "from a loop": "R = '>=3'\nfor R in ('>=4',): pass\nsetup(python_requires=R)",
    "unknown names": "setup(name=NAME, python_requires=REQUIRES)",
    "nested": "setup(**dict(name='n', python_requires='>=3'))",
    "no text": "setup(name=1, python_requires=('>=3',))",
}


@pytest.mark.parametrize("text", NOT_IN_SETUP_PY.values(), ids=NOT_IN_SETUP_PY)
def test_what_only_running_setup_py_could_tell_is_not_guessed(tmp_path: Path, text: str) -> None:
    """Then nothing is known, which is no mistake."""
    assert said(read(tmp_path, py=text)) == (None, None, None)


def test_setup_py_is_never_run(tmp_path: Path) -> None:
    """Reading a project leaves no trace of its code."""
    trace = tmp_path / "trace"
    read(tmp_path, py=f"open({str(trace)!r}, 'w').close()\n{SETUP_PY}")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("project = 3", "pyproject.toml: project: expected a table, got the integer 3"),
        ("[project]\nname = 3", "pyproject.toml: project.name: expected a string, got the integer 3"),
        ("[project]\nname = ' '", "pyproject.toml: project.name: must not be empty"),
        (
            "[project]\nrequires-python = 3.9",
            "pyproject.toml: project.requires-python: expected a string, got the float",
        ),
        (
            "[project]\nrequires-python = '3.9'",
            'pyproject.toml: project.requires-python: "3.9" is no version specifier',
        ),
    ],
)
def test_a_bad_value_in_the_project_table_is_a_mistake(tmp_path: Path, toml: str, line: str) -> None:
    """One line with file, key and what was wanted; no other file is asked instead."""
    metadata = read(tmp_path, toml=toml, cfg=SETUP_CFG)
    (mistake,) = metadata.mistakes
    assert str(mistake).startswith(line)
    assert mistake.file == "pyproject.toml"
    assert None in {metadata.name, metadata.requires_python}


def test_a_bad_specifier_in_setup_cfg_is_a_mistake(tmp_path: Path) -> None:
    """It names the file and the key, and there is no origin of what is not there."""
    metadata = read(tmp_path, cfg=SETUP_CFG.replace(">=3.8", "3.8+"))
    expected = 'setup.cfg: options.python_requires: "3.8+" is no version specifier such as ">=3.9"'
    assert tuple(map(str, metadata.mistakes)) == (expected,)
    assert (metadata.requires_python, metadata.requires_python_origin) == (None, None)


def test_a_bad_specifier_in_setup_py_is_a_mistake(tmp_path: Path) -> None:
    """It names the file, the key, and the line."""
    (mistake,) = read(tmp_path, py=SETUP_PY.replace(">=3.7", "3.7")).mistakes
    assert str(mistake) == 'setup.py: python_requires: "3.7" is no version specifier such as ">=3.9"'
    assert mistake.line == 2


def test_all_mistakes_are_found_at_once(tmp_path: Path) -> None:
    """Whoever mends one need not come back for the next."""
    metadata = read(tmp_path, toml="[project]\nname = 1\nrequires-python = 2")
    assert [mistake.at for mistake in metadata.mistakes] == [("project", "name"), ("project", "requires-python")]


@pytest.mark.parametrize("cfg", [b"no section = 1", b"[options]\na = 1\na = 2", b"[options]\n\xff", b"[options]\nx\n"])
def test_a_broken_setup_cfg_is_a_warning(tmp_path: Path, cfg: bytes) -> None:
    """It is ignored, one line says so, and setup.py is asked instead."""
    metadata = read(tmp_path, cfg=cfg, py=SETUP_PY)
    (warning,) = metadata.warnings
    assert warning.startswith("setup.cfg: ignored: it cannot be read: ")
    assert warning.isprintable()
    assert (metadata.name, metadata.requires_python) == ("from-py", ">=3.7")


@pytest.mark.parametrize("py", [b"print 'Python 2'", b"a\0b", b"# coding: nonsense\n", b"x = " + b"(" * 5000])
def test_a_setup_py_that_is_no_python_is_a_warning(tmp_path: Path, py: bytes) -> None:
    """It is ignored, and one line says so."""
    metadata = read(tmp_path, py=py)
    (warning,) = metadata.warnings
    assert warning.startswith("setup.py: ignored: it cannot be read: ")
    assert metadata.requires_python is None


def test_what_is_not_needed_is_not_read(tmp_path: Path) -> None:
    """A broken setup.py bothers nobody whose `[project]` says all."""
    metadata = read(tmp_path, toml="[project]\nname = 'n'\nrequires-python = '>=3'", cfg="x", py="(")
    assert metadata.warnings == ()


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """A file that is no setup.py only costs a warning."""
    metadata = read(tmp_path, py=b"#" * (1024 * 1024 + 1))
    assert metadata.warnings == ("setup.py: ignored: it is larger than 1 MiB",)


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    """A named pipe would keep a reader waiting for ever; a directory is no setup.cfg."""
    os.mkfifo(tmp_path / "setup.py")
    (tmp_path / "setup.cfg").mkdir()
    assert read(tmp_path) == Metadata()


def test_dependency_groups_are_found_by_any_spelling(tmp_path: Path) -> None:
    """Groups keep the project's spelling, and are compared as names of distributions are (PEP 735)."""
    metadata = read(tmp_path, toml="[dependency-groups]\nTest_All = ['pytest']\ndev = []")
    assert metadata.dependency_groups == ("Test_All", "dev")
    assert metadata.group("test-all") == metadata.group("TEST..all") == "Test_All"
    assert metadata.group("docs") is None


def test_dependency_groups_that_are_no_table_are_none(tmp_path: Path) -> None:
    """What reads the groups will say so; here it only means that there is none."""
    assert read(tmp_path, toml="dependency-groups = 3").dependency_groups == ()
