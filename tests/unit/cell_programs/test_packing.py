"""The program that packs files in containers, by itself: trees and digests. Changes of a whole system: end to end."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from wheel_builder import build_wheel

import matrix_runner.cell_programs

UV = Path(sys.executable).with_name("uv")
PROGRAM = Path(matrix_runner.cell_programs.__file__).with_name("packing.py")


def run(*arguments: str | Path) -> bytes:
    """Run the program; return its output."""
    argv = (sys.executable, "-I", PROGRAM, *arguments)
    return subprocess.run(argv, check=True, capture_output=True, env={"LC_ALL": "C"}).stdout


def a_tree(directory: Path) -> Path:
    """Write a file of each kind."""
    (directory / "below/empty").mkdir(parents=True)
    (directory / "file").write_bytes(b"content")
    (directory / "file").chmod(0o4711)
    os.link(directory / "file", directory / "below/hard")
    (directory / "below/soft").symlink_to("nowhere")
    os.mkfifo(directory / "pipe")
    Path(os.fsdecode(os.fsencode(directory) + b"/\xff\n")).write_bytes(b"raw")
    return directory


def test_a_tree_comes_back_as_it_was(tmp_path: Path) -> None:
    """Names, kinds, modes, links and times, unpacked by another program."""
    tree, copy = a_tree(tmp_path / "tree"), tmp_path / "copy"
    copy.mkdir()
    subprocess.run(("tar", "-xpC", copy), input=run("tree", tree), check=True)
    names = sorted(os.fsencode(path.relative_to(tree)) for path in tree.rglob("*"))
    assert names == sorted(os.fsencode(path.relative_to(copy)) for path in copy.rglob("*"))
    assert len(names) == 7
    assert (copy / "file").stat().st_mode == (tree / "file").stat().st_mode
    assert (copy / "below/hard").stat().st_nlink == 2
    assert (copy / "below/soft").readlink() == Path("nowhere")
    assert (copy / "pipe").is_fifo()
    assert abs((copy / "file").stat().st_mtime - (tree / "file").stat().st_mtime) < 1e-3


def test_the_digest_tells_changes(tmp_path: Path) -> None:
    """Of names, kinds and sizes; not of times, which every use of a cache changes."""
    tree, other = a_tree(tmp_path / "tree"), a_tree(tmp_path / "other")
    digest, size = run("digest", tree).split()
    assert size == b"17"
    os.utime(tree / "file", (1, 1))
    assert run("digest", tree) == run("digest", other) == digest + b" 17\n"
    (other / "file").write_bytes(b"another content")
    (tree / "more").mkdir()
    assert len({digest, run("digest", tree).split()[0], run("digest", other).split()[0]}) == 3


def test_wheels_that_uv_unpacked_from_files_are_left_out(tmp_path: Path) -> None:
    """By uv itself, which gives each a new place in each run: the digest stays, and what an index gave is there."""
    cache = tmp_path / "cache" / "uv"
    of_index = cache / "wheels-v0/pypi/other/1.0.http"
    digests = set()
    for number in range(2):
        wheel = build_wheel(tmp_path, f"demo-1.{number}-py3-none-any.whl", files={"demo.py": b"x = 1\n" * 1000})
        target = ("--target", tmp_path / f"installed{number}")
        argv = (UV, "pip", "install", "--cache-dir", cache, "--offline", "--python", sys.executable, *target, wheel)
        subprocess.run(argv, check=True, capture_output=True)
        of_index.parent.mkdir(parents=True, exist_ok=True)
        of_index.write_bytes(b"answer")
        assert list(cache.glob("archive-v0/*/demo.py"))
        with tarfile.open(fileobj=io.BytesIO(run("tree", tmp_path / "cache"))) as tar:
            names = tar.getnames()
        assert "uv/wheels-v0/pypi/other/1.0.http" in names
        assert not [name for name in names if name.endswith((".rev", "demo.py"))]
        assert not [name for name in names if name.startswith("uv/archive-v0/")]
        digests.add(run("digest", tmp_path / "cache"))
    assert len(digests) == 1


def test_nothing_there(tmp_path: Path) -> None:
    """An empty directory has no bytes, and its archive no members."""
    assert run("digest", tmp_path).split()[1] == b"0"
    with tarfile.open(fileobj=io.BytesIO(run("tree", tmp_path))) as tar:
        assert tar.getnames() == []
