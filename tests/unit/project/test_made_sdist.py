"""An sdist that a run has made is checked, and its files are packed for the cells."""

import tarfile
from pathlib import Path

import pytest
from sdist_making import entry, write_tar

from matrix_runner.errors import WheelRejected
from matrix_runner.project.made_sdist import read_sdist

PKG_INFO = b"Metadata-Version: 2.4\nName: Demo.Tool\nVersion: 1.0\n"
FILES = {"demo_tool-1.0/pyproject.toml": b"", "demo_tool-1.0/a.c": b"int a;\n", "demo_tool-1.0/PKG-INFO": PKG_INFO}
NAME = "demo_tool-1.0.tar.gz"


def without(part: str) -> dict[str, bytes]:
    """Return the files but those whose name ends so."""
    return {name: content for name, content in FILES.items() if not name.endswith(part)}


def test_an_honest_one(tmp_path: Path) -> None:
    """Its files are packed without the directory around them, with permissions and no times."""
    files = without("a.c")
    sdist = write_tar(tmp_path / NAME, entry("demo_tool-1.0/a.c", b"int a;\n", mode=0o755, mtime=9), files=files)
    made = read_sdist(sdist, tmp_path)
    assert (made.name.project, str(made.name.version), made.warnings) == ("demo-tool", "1.0", ())
    assert [name for name, _ in made.archive.digests] == ["PKG-INFO", "a.c", "pyproject.toml"]
    with tarfile.open(made.archive.path) as archive:
        assert archive.getmember("a.c").mode == 0o755
        assert {member.mtime for member in archive} == {315_619_200}
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME, "sdist.tar"]


@pytest.mark.parametrize(
    ("name", "files", "words"),
    [
        (NAME, without("pyproject.toml"), "not a Python project"),
        (NAME, without("PKG-INFO"), "has no PKG-INFO"),
        (NAME, FILES | {"demo_tool-1.0/PKG-INFO": b"Name: other\nVersion: 1.0\n"}, "its PKG-INFO is of other 1.0"),
        (NAME, FILES | {"demo_tool-1.0/PKG-INFO": b"Name: demo-tool\nVersion: 2\n"}, "of demo-tool 2"),
        (NAME, FILES | {"demo_tool-1.0/PKG-INFO": b"\xff"}, "of no project without a version"),
        (NAME, FILES | {"other/file": b""}, "expected one directory at the top, found 2"),
        (NAME, FILES | {"demo_tool-1.0/../../x": b""}, "leads out"),
        ("demo_tool-1.1.tar.gz", FILES, "its PKG-INFO is of Demo.Tool 1.0"),
        ("demo_tool.tar.gz", FILES, "not named as sdists are"),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, files: dict[str, bytes], words: str) -> None:
    """Nothing that no installer could use is delivered; the message names the file, and not a path of ours."""
    sdist = write_tar(tmp_path / name, files=files)
    with pytest.raises(WheelRejected) as refused:
        read_sdist(sdist, tmp_path)
    assert words in refused.value.message
    assert str(tmp_path) not in refused.value.message
    assert refused.value.hint


def test_a_damaged_one(tmp_path: Path) -> None:
    """It is the project's, not a mistake in a command line."""
    sdist = write_tar(tmp_path / NAME, files=FILES)
    sdist.write_bytes(sdist.read_bytes()[:-30])
    with pytest.raises(WheelRejected, match="damaged or incomplete"):
        read_sdist(sdist, tmp_path)


def test_what_an_index_may_object_to(tmp_path: Path) -> None:
    """A name that is not normalised, and invalid metadata, are warnings: the sdist can be built."""
    pkg_info = b"Metadata-Version: 2.1\nName: demo.tool\nVersion: 1.0\nLicense-Expression: MIT\nRequires-Dist: a b c\n"
    files = {name.replace("demo_tool", "demo.tool"): content for name, content in FILES.items()}
    made = read_sdist(
        write_tar(tmp_path / "demo.tool-1.0.tar.gz", files=files | {"demo.tool-1.0/PKG-INFO": pkg_info}), tmp_path
    )
    name, metadata = made.warnings
    assert name == "demo.tool-1.0.tar.gz is not named as package indexes want it (PEP 625): demo_tool-1.0.tar.gz"
    assert "a package index may refuse its PKG-INFO" in metadata
    assert "requires-dist" in metadata
    assert "license-expression" in metadata
