"""What a build's environment had, by the notes of frontends: versions, files, hashes, and what is not known."""

import json

import pytest
from planning import settings_with

from matrix_runner.config.kinds.values import BuildFrontend, Frontend
from matrix_runner.config.options.build_options import BUILD_FRONTEND
from matrix_runner.recipe.frontends.installed_requirements import (
    InstalledRequirement,
    RequirementsNote,
    requirements_note,
)
from matrix_runner.recipe.layout import Layout

OWN = RequirementsNote(path="/matrix/frontend/origins.json")
CMAKE = "cmake-4.1-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
LOCK = f"""
lock-version = "1.0"
[[packages]]
name = "cmake"
version = "4.1"
sdist = {{ url = "https://index.example/cmake-4.1.tar.gz", hashes = {{ sha256 = "s" }} }}
wheels = [
  {{ url = "https://index.example/{CMAKE}", hashes = {{ sha256 = "x" }} }},
  {{ url = "https://index.example/cmake-4.1-py3-none-manylinux_2_17_aarch64.whl", hashes = {{ sha256 = "a" }} }},
]
[[packages]]
name = "cython"
version = "3.1"
sdist = {{ url = "https://index.example/cython-3.1.tar.gz", hashes = {{ sha256 = "c" }} }}
wheels = [{{ url = "https://index.example/cython-3.1-cp311-cp311-win_amd64.whl", hashes = {{ sha256 = "w" }} }}]
[[packages]]
name = "direct"
archive = {{ url = "https://elsewhere.example/direct.zip#x", hashes = {{ sha256 = "d" }} }}
"""
X86_64 = ("py3-none-manylinux_2_17_x86_64", "py3-none-manylinux2014_x86_64")


def read(**note: object) -> tuple[InstalledRequirement, ...]:
    """Return what a note says."""
    return OWN.read(json.dumps(note)).installed


def test_uv_and_the_file_of_the_installed_tags() -> None:
    """The one wheel with all of them, else the sdist that it was built from; nothing for another version."""
    packages = [
        ["cmake", "4.1", X86_64],
        ["Cython", "3.1", ["cp311-cp311-linux_x86_64"]],
        ["direct", "1.0", ["py3-none-any"]],
        ["other", "1.0", []],
    ]
    assert read(packages=packages, lock=LOCK) == (
        InstalledRequirement(name="cmake", version="4.1", file=CMAKE, sha256="x"),
        InstalledRequirement(name="cython", version="3.1", file="cython-3.1.tar.gz", sha256="c", is_from_sdist=True),
        InstalledRequirement(name="direct", version="1.0", file="direct.zip", sha256="d", is_from_sdist=True),
        InstalledRequirement(name="other", version="1.0"),
    )
    assert read(packages=[["cmake", "4.0", X86_64]], lock=LOCK) == (InstalledRequirement(name="cmake", version="4.0"),)
    assert read(packages=[["cmake", "4.1", X86_64]], lock="not = TOML =") == (
        InstalledRequirement(name="cmake", version="4.1"),
    )


def test_pip_and_its_report() -> None:
    """By normalised name and version; of what pip does not know the hash, there is none."""
    flit = "flit_core-3.1-py3-none-any.whl"
    reported = [
        {
            "name": "Flit_Core",
            "version": "3.1",
            "url": "https://i.example/f/flit_core-3.1-py3-none-any.whl",
            "sha256": "f",
        },
        {"name": "old", "version": "1", "url": "https://i.example/old-1.tar.gz?x=1#sha256=e", "sha256": ""},
    ]
    found = read(packages=[["flit_core", "3.1", []], ["old", "1", []], ["old", "2", []]], reported=reported)
    assert found == (
        InstalledRequirement(name="flit-core", version="3.1", file=flit, sha256="f"),
        InstalledRequirement(name="old", version="1", file="old-1.tar.gz", is_from_sdist=True),
        InstalledRequirement(name="old", version="2"),
    )


@pytest.mark.parametrize("answer", ["", "{", "[]", '{"packages": 1}'])
def test_a_note_that_is_no_note(answer: str) -> None:
    """Nothing is known, and that is said."""
    found = OWN.read(answer)
    assert (found.installed, found.unknown) == ((), "the build left no note of them")


def test_uv_build_is_watched() -> None:
    """By the directories in its environment: versions without hashes."""
    note = RequirementsNote(path="/matrix/watched-build/seen")
    listed = "/e/lib/python3.11/site-packages/flit_core-3.12.dist-info\n/e/x/Meson-1.8.dist-info\nnonsense\n"
    assert note.read(listed).installed == (
        InstalledRequirement(name="flit-core", version="3.12"),
        InstalledRequirement(name="meson", version="1.8"),
    )
    assert note.read("").unknown


@pytest.mark.parametrize(
    ("words", "watch", "path", "unknown"),
    [
        ("auto", "", "/matrix/frontend/origins.json", ""),
        ("uv", "watched", "/matrix/watched-build/seen", ""),
        ("uv", "", "", "the frontend uv does not tell them"),
        ("build", "", "", "the frontend build does not tell them"),
        ("build --no-isolation", "", "", "the frontend installs nothing: the build used what it found"),
    ],
)
def test_where_they_are_noted(words: str, watch: str, path: str, unknown: str) -> None:
    """By the frontend; where none notes them, the reason."""
    name, *args = words.split()
    frontend = Frontend(name)
    settings = settings_with({BUILD_FRONTEND: BuildFrontend(name=frontend, args=tuple(args))})
    note = requirements_note(settings, frontend, Layout(root=""), is_watched=bool(watch))
    assert (note.path, note.unknown) == (path, unknown)
