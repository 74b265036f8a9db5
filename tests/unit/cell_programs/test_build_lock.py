"""The program that resolves requirements for a lock, and the frontend that is held to one; no index is needed."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TypedDict, cast

import pytest
from wheel_builder import build_wheel

from matrix_runner.cell_programs import program_text
from matrix_runner.recipe.frontends.installed_requirements import InstalledRequirement, RequirementsNote
from matrix_runner.recipe.frontends.own_frontend import with_programs
from matrix_runner.recipe.layout import Layout

BACKEND = """\
import os
def get_requires_for_build_wheel(settings): return ["second"]
def get_requires_for_build_sdist(settings): return ["third"]
def build_wheel(out, settings, metadata):
    import first, second
    open(os.path.join(out, "demo-1.0-py3-none-any.whl"), "w").close()
    return "demo-1.0-py3-none-any.whl"
"""
METADATA = """
def prepare_metadata_for_build_wheel(out, settings):
    folder = os.path.join(out, "demo-1.0.dist-info")
    os.makedirs(folder)
    with open(os.path.join(folder, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\nProvides-Extra: x\\n"
                   "Requires-Dist: first\\nRequires-Dist: third; extra == 'x'\\n")
    return "demo-1.0.dist-info"
"""
TABLE = '[build-system]\nrequires = ["first>=1"]\nbuild-backend = "own"\nbackend-path = ["."]\n'


class Question(TypedDict, total=False):
    """What a test asks otherwise than usual."""

    group: str
    installs: list[list[str]]
    kept: list[str]
    products: list[str]
    wants_metadata: bool


class Place:
    """A package, and a directory with wheels in the place of an index."""

    def __init__(self, root: Path, installer: str) -> None:
        """Write both."""
        self.root, self.installer, self.layout = root, installer, Layout(root=str(root))
        self.wheels, project = root / "wheels", root / "project"
        self.wheels.mkdir()
        project.mkdir()
        (project / "own.py").write_text(BACKEND + METADATA)
        (project / "pyproject.toml").write_text(TABLE)
        for name, version in (("first", "1.0"), ("first", "2.0"), ("second", "1.0"), ("third", "1.0")):
            self.put(name, version)
        places = {"pip.conf": f"[global]\nno-index = true\nfind-links = {self.wheels}\n"}
        places["uv.toml"] = f'[pip]\nno-index = true\nfind-links = ["{self.wheels}"]\n'
        for name, text in places.items():
            (root / name).write_text(text)
        self.env = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "PIP_CONFIG_FILE": str(root / "pip.conf"),
            "UV_CONFIG_FILE": str(root / "uv.toml"),
            "UV_CACHE_DIR": str(root / "cache"),
            # Not to be asked either when it is seen whether all is there.
            "PIP_FIND_LINKS": str(self.wheels),
            "UV_FIND_LINKS": str(self.wheels),
        }

    def put(self, name: str, version: str, content: str = "") -> str:
        """Put a wheel there; return its digest."""
        wheel = build_wheel(self.wheels, f"{name}-{version}-py3-none-any.whl", files={f"{name}.py": content.encode()})
        return hashlib.sha256(wheel.read_bytes()).hexdigest()

    def run(self, argv: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        """Run a command in the package."""
        out, both = subprocess.PIPE, subprocess.STDOUT
        where = self.layout.project
        return subprocess.run(argv, env=self.env, cwd=where, check=False, text=True, stdout=out, stderr=both)

    def resolve(self, question: Question) -> tuple[int, str, tuple[InstalledRequirement, ...]]:
        """Ask the program; return its status, what it said, and what it noted."""
        answer = f"{self.layout.frontend}/answer"
        by = [f"--installer={self.installer}", "--aside=/", f"--environment={self.layout.isolated_environment}"]
        asked = {
            "words": [self.layout.package, *by],
            "installs": [],
            "products": ["wheel"],
            "kept": [],
            "constraints": "",
            "wants_metadata": False,
            "group": "build",
            **question,
            "answer": answer,
        }
        argv = (sys.executable, "-I", f"{self.layout.frontend}/build_lock.py", f"{self.layout.frontend}/asked.json")
        files = {"build_lock.py": program_text("build_lock"), "asked.json": json.dumps(asked)}
        done = self.run(with_programs(self.layout, argv, files))
        note = RequirementsNote(path=f"{answer}/origins.json")
        text = Path(note.path).read_text() if Path(note.path).exists() else ""
        return done.returncode, done.stdout, note.read(text).installed

    def build(self, locked: str) -> subprocess.CompletedProcess[str]:
        """Build the package with a list of locked requirements."""
        (self.root / "locked.txt").write_text(locked)
        out = self.root / "built"
        words = (f"--outdir={out}", f"--installer={self.installer}", "--aside=/", f"--locked={self.root}/locked.txt")
        where = f"--environment={self.layout.isolated_environment}"
        argv = (sys.executable, "-I", f"{self.layout.frontend}/build_frontend.py", self.layout.package, *words, where)
        return self.run(with_programs(self.layout, argv))


@pytest.fixture(name="place", params=["pip", "uv"])
def _place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(tmp_path, cast("str", request.param))


@pytest.fixture(name="by_pip")
def _by_pip(tmp_path: Path) -> Place:
    return Place(tmp_path, "pip")


def pins(found: tuple[InstalledRequirement, ...]) -> list[str]:
    """Return names and versions."""
    return sorted(f"{one.name}=={one.version}" for one in found)


def test_what_hooks_ask_for_is_part_of_it(place: Place) -> None:
    """Of both products, if both are made; with the file and the digest that the installer tells."""
    code, said, found = place.resolve({"products": ["wheel", "sdist"]})
    assert code == 0, said
    assert pins(found) == ["first==2.0", "second==1.0", "third==1.0"]
    assert pins(place.resolve({})[2]) == ["first==2.0", "second==1.0"]


def test_files_and_digests_are_noted(by_pip: Place) -> None:
    """Those of the very files that were installed."""
    sha256 = by_pip.put("second", "1.0", "x = 1\n")
    found = {one.name: one for one in by_pip.resolve({})[2]}
    assert (found["second"].file, found["second"].sha256) == ("second-1.0-py3-none-any.whl", sha256)


def test_versions_stay_if_they_can(place: Place) -> None:
    """One that cannot be had any more, or not with the rest, holds nothing up."""
    assert pins(place.resolve({"kept": ["first==1.0"]})[2]) == ["first==1.0", "second==1.0"]
    code, said, found = place.resolve({"kept": ["first==1.5", "second==1.0"]})
    assert (code, pins(found)) == (0, ["first==2.0", "second==1.0"])
    assert "once more, without holding to the versions of before" in said


def test_a_test_requires_what_the_wheel_does(place: Place) -> None:
    """A wheel with nothing but metadata tells it, of extras too; it is itself not part of the answer."""
    assert place.resolve({"wants_metadata": True})[0] == 0
    code, said, found = place.resolve({"group": "test", "installs": [["{wheel}[x]", "second"]]})
    assert code == 0, said
    assert pins(found) == ["first==2.0", "second==1.0", "third==1.0"]
    one_by_one = place.resolve({"group": "test", "installs": [["{wheel}"], ["second"]], "kept": ["first==1.0"]})
    assert pins(one_by_one[2]) == ["first==1.0", "second==1.0"]


def test_what_cannot_be_had(place: Place) -> None:
    """Fails in words, and leaves no answer."""
    code, said, found = place.resolve({"group": "test", "installs": [["fourth"]]})
    assert (code, found) == (1, ())
    assert f"ERROR {place.installer} could not install the requirements of test" in said
    assert "Traceback" not in said


def test_a_build_takes_what_is_locked(place: Place) -> None:
    """Older versions than there are, each file by its digest."""
    first, second = place.put("first", "1.0", "x = 1\n"), place.put("second", "1.0", "y = 1\n")
    done = place.build(f"first==1.0 --hash=sha256:{first}\nsecond==1.0 --hash=sha256:{second}\n")
    assert done.returncode == 0, done.stdout
    assert "Successfully built demo-1.0-py3-none-any.whl" in done.stdout
    note = (Path(place.layout.frontend) / "origins.json").read_text()
    assert pins(RequirementsNote(path="origins.json").read(note).installed) == ["first==1.0", "second==1.0"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("first==1.0 {bad}", "second==1.0 {second}"), "could not install the files that matrix-runner.lock names"),
        (("first==1.0", "second==1.0 {second}"), "could not install the files that matrix-runner.lock names"),
        (("second==1.0 {second}",), "matrix-runner.lock does not cover what the build requires: first>=1"),
        (("first==1.0 {first}",), "matrix-runner.lock does not cover what the build requires: second"),
        ((), "matrix-runner.lock does not cover what the build requires: first>=1"),
    ],
)
def test_a_build_takes_nothing_else(place: Place, lines: tuple[str, ...], said: str) -> None:
    """Another digest, none, or something that is not in the list, although the index has it."""
    hashes = {
        "bad": f"--hash=sha256:{'0' * 64}",
        "first": f"--hash=sha256:{place.put('first', '1.0', 'x = 1')}",
        "second": f"--hash=sha256:{place.put('second', '1.0', 'y = 1')}",
    }
    done = place.build("".join(f"{line.format_map(hashes)}\n" for line in lines))
    assert done.returncode == 1
    assert said in done.stdout.splitlines()[-1]
    assert not list((place.root / "built").glob("*"))
