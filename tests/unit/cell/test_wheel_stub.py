"""A wheel without its files: what it tells an installer, and what it refuses to tell."""

import io
import zipfile
from pathlib import Path

import pytest
from wheel_builder import build_wheel

from matrix_runner.cell.parted.wheel_stub import require_names, wheel_stub
from matrix_runner.errors import WheelRejected

NAME = "demo-1.0-cp311-cp311-manylinux_2_31_x86_64.whl"


def wheel_with(directory: Path, *requirements: str) -> Path:
    """Write a wheel with code that a Python runs by itself, and requirements."""
    plain = build_wheel(directory, NAME, files={"evil.pth": b"import evil", "evil.py": b""})
    made = directory / "made" / NAME
    made.parent.mkdir()
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("/METADATA"):
                lines = "".join(f"Requires-Dist: {one}\n" for one in requirements)
                data = data.replace(b"Name:", f"{lines}Name:".encode(), 1)
            new.writestr(name, data)
    return made


def test_it_has_the_metadata_alone(tmp_path: Path) -> None:
    """No file that is installed beside it, and a RECORD of what it has."""
    stub = zipfile.ZipFile(io.BytesIO(wheel_stub(wheel_with(tmp_path, "idna>=3"))))
    assert set(stub.namelist()) == {f"demo-1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD")}
    assert b"Requires-Dist: idna>=3" in stub.read("demo-1.0.dist-info/METADATA")


@pytest.mark.parametrize("requirement", ["x @ https://example.org/x-1.0.zip", "x @ file:///etc", "not a name!"])
def test_an_address_is_refused(tmp_path: Path, requirement: str) -> None:
    """What would be fetched from there could be told there."""
    with pytest.raises(WheelRejected) as raised:
        wheel_stub(wheel_with(tmp_path, "idna", requirement))
    assert requirement in raised.value.message
    assert 'network = "all"' in (raised.value.hint or "")


@pytest.mark.parametrize(
    "requirement", ["x @ https://example.org/x-1.0.zip", f"x; {'(' * 9000}", 'x; extra == "\n--index-url=https://a\n"']
)
def test_a_backend_is_held_to_the_same(requirement: str) -> None:
    """What it asks for becomes a line of a file that pip reads."""
    with pytest.raises(WheelRejected):
        require_names(["ninja>=1.8; python_version > '3'", requirement], "the build backend")
