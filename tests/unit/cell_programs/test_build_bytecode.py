"""Bytecode of build requirements that is kept: valid where it is put, and only for the very same files."""

import compileall
import hashlib
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from matrix_runner.cell_programs.build_bytecode import Bytecode, restored, save

TAG = sys.implementation.cache_tag


def install(environment: Path, **modules: str) -> Path:
    """Make an environment with a package of these modules, as an installer leaves it; return its site-packages."""
    packages = environment / "lib/python3.99/site-packages"
    (packages / "demo-1.0.dist-info").mkdir(parents=True)
    (packages / "demo").mkdir()
    rows = []
    for name, text in modules.items():
        (packages / f"demo/{name}.py").write_text(text)
        digest = urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"demo/{name}.py,sha256={digest},{len(text)}\n")
    (packages / "demo-1.0.dist-info/RECORD").write_text("".join(rows) + "demo-1.0.dist-info/RECORD,,\n")
    return packages


def compiled(packages: Path) -> list[str]:
    """Return the names of modules with bytecode."""
    return sorted(path.name.partition(".")[0] for path in packages.rglob("__pycache__/*.pyc"))


def build(environment: Path, store: Path, **modules: str) -> Path:
    """Do what a build does: install, put bytecode in place, import everything, keep bytecode; in the same place."""
    shutil.rmtree(environment, ignore_errors=True)
    packages = install(environment, **modules)
    kept = restored(str(environment), str(store))
    compileall.compile_dir(packages, quiet=2)
    save(kept)
    return packages


@pytest.fixture(name="places")
def _places(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "environment", tmp_path / "store"


def test_the_next_build_finds_it_and_python_takes_it(places: tuple[Path, Path]) -> None:
    """It is what Python would write: it is loaded, not written anew, though the files are of another time."""
    environment, store = places
    build(environment, store, one="X = 1\n", two="X = 2\n")
    shutil.rmtree(environment)
    packages = install(environment, one="X = 1\n", two="X = 2\n")
    restored(str(environment), str(store))
    assert compiled(packages) == ["one", "two"]
    before = {path: path.read_bytes() for path in packages.rglob("*.pyc")}
    program = f"import sys; sys.path.insert(0, {str(packages)!r}); import demo.one as m; print(m.X, m.__cached__)"
    said = subprocess.run((sys.executable, "-v", "-c", program), capture_output=True, check=True, text=True)
    assert said.stdout.startswith("1 ")
    assert f"matches {packages}/demo/one.py" in said.stderr
    assert {path: path.read_bytes() for path in packages.rglob("*.pyc")} == before


def test_another_file_gets_none(places: tuple[Path, Path]) -> None:
    """A new release of a package has other digests; what has not changed in it is known, and new modules are added."""
    environment, store = places
    build(environment, store, one="X = 1\n", two="X = 2\n")
    shutil.rmtree(environment)
    packages = install(environment, one="X = 3\n", two="X = 2\n", three="")
    kept = restored(str(environment), str(store))
    assert compiled(packages) == ["two"]
    compileall.compile_dir(packages, quiet=2)
    save(kept)
    assert compiled(build(environment, store, one="X = 3\n", three="")) == ["one", "three"]


def test_bytecode_of_a_file_that_was_changed_is_not_kept(places: tuple[Path, Path]) -> None:
    """RECORD does not speak of it any more: what a build patches is that build's."""
    environment, store = places
    packages = install(environment, one="X = 1\n", two="X = 2\n", three="X = 3\n")
    kept = restored(str(environment), str(store))
    compileall.compile_dir(packages, quiet=2)
    (packages / "demo/one.py").write_text("X = 111\n")
    (packages / "demo/three.py").write_text("X = 4\n")
    compileall.compile_file(packages / "demo/three.py", quiet=2)
    save(kept)
    shutil.rmtree(environment)
    packages = install(environment, one="X = 1\n", two="X = 2\n", three="X = 3\n")
    restored(str(environment), str(store))
    assert compiled(packages) == ["two"]


@pytest.mark.parametrize("damage", [b"", b"1\n[]", b"x\ny", b"999999999999\n"])
def test_a_damaged_file_is_no_file(places: tuple[Path, Path], damage: bytes) -> None:
    """Cut off, changed or foreign: everything is compiled anew, and kept anew."""
    environment, store = places
    build(environment, store, one="")
    (file,) = store.iterdir()
    whole = file.read_bytes()
    for content in (damage, whole[:-1], whole[:-1] + b"?"):
        file.write_bytes(content)
        assert compiled(build(environment, store, one="")) == ["one"]
        assert file.read_bytes() == whole


def test_nothing_is_kept_where_nothing_can_be(places: tuple[Path, Path]) -> None:
    """Without a directory for it, or with a file in its place."""
    environment, store = places
    install(environment, one="")
    assert restored(str(environment), "") == []
    store.write_text("")
    assert compiled(build(environment, store, one="")) == ["one"]
    assert store.read_text() == ""


def test_each_python_has_its_own(tmp_path: Path) -> None:
    """Free-threaded Pythons have the tag of the others, and another directory."""
    files = {Bytecode(f"/e/lib/{name}/site-packages", str(tmp_path)).file for name in ("python3.13", "python3.13t")}
    assert len(files) == 2
    assert all(TAG in file for file in files)
