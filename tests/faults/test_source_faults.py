"""What cannot be read or written while the project is packed is said in a line, with advice that fits."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from nobody import nobody

from matrix_runner.errors import MachineError
from matrix_runner.project.source_archive import pack
from matrix_runner.project.source_files import SourceSelection


@pytest.fixture
def project() -> Iterator[Path]:
    """Make a project that everybody may look into: pytest's own directories are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "project/secrets").mkdir(parents=True)
        (directory / "project/setup.py").write_text("")
        (directory / "out").mkdir()
        directory.chmod(0o755)
        (directory / "out").chmod(0o777)
        yield directory / "project"
        (directory / "project/secrets").chmod(0o755)


def refusal(project: Path) -> MachineError:
    """Pack as nobody, and return what comes of it."""
    with nobody(), pytest.raises(MachineError) as caught:
        pack(SourceSelection(project=project, environ={}), project.parent / "out/source.tar")
    return caught.value


@pytest.mark.parametrize("name", ["setup.py", "secrets"])
def test_what_must_not_be_read_is_named(project: Path, name: str) -> None:
    """A file or a directory without permission is named, and the advice is about permission."""
    (project / name).chmod(0)
    error = refusal(project)
    assert str(project / name) in error.message
    assert error.hint == "make it readable for this user, or add it to .gitignore"


def test_a_full_disk_is_not_taken_for_a_changing_file(project: Path) -> None:
    """Where there is no room for the archive, the advice is to make some."""
    with pytest.raises(MachineError, match="No space left") as caught:
        pack(SourceSelection(project=project, environ={}), Path("/dev/full"))
    assert caught.value.hint is not None
    assert "XDG_CACHE_HOME" in caught.value.hint
