"""`sboms`: what the step puts into a wheel, and what it leaves as it was."""

import base64
import csv
import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from msgspec.structs import replace
from planning import job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.options.build_options import ENVIRONMENT
from matrix_runner.config.options.wheel_options import SBOMS
from matrix_runner.model.outcomes import StepKind

NAME = "demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
INFO = "demo-1.0.dist-info"
RECORD = f"demo/__init__.py,,\r\n{INFO}/METADATA,,\r\n{INFO}/RECORD,,\r\n"


def make_wheel(root: Path, *, level: int = 1, extra: dict[str, str] | None = None) -> Path:
    """Write a wheel where a repair leaves it; return it."""
    folder = root / "matrix" / "repaired"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / NAME, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        archive.writestr("demo/__init__.py", "x = 1\n" * 1000)
        archive.writestr(zipfile.ZipInfo("stored.bin"), bytes(1000))
        archive.writestr(f"{INFO}/METADATA", "Name: demo\n")
        for name, text in (extra or {}).items():
            archive.writestr(name, text)
        archive.writestr(f"{INFO}/RECORD", RECORD)
    return folder / NAME


def add(root: Path, *names: str) -> "subprocess.CompletedProcess[str]":
    """Let a real Python do the step in a cell with that root."""
    made = recipe_for(job_for("cp311-manylinux_x86_64", catalog.load(), settings_with({SBOMS: names})), root=str(root))
    (step,) = made.add_sboms()
    assert step.kind is StepKind.REPAIR
    argv = (sys.executable, *step.request.argv[1:])
    return subprocess.run(
        argv, cwd=step.request.cwd, env=dict(step.request.env), capture_output=True, text=True, check=False
    )


def write(root: Path, **files: str) -> None:
    """Write files of the project."""
    for name, text in files.items():
        path = root / "project" / f"{name}.cdx.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_documents_are_in_the_wheel_and_its_record(tmp_path: Path) -> None:
    """In the order of their names, with digest and size; RECORD stays last, and everything else its bytes."""
    wheel = make_wheel(tmp_path)
    before = zipfile.ZipFile(wheel)
    write(tmp_path, sbom="{}", a='{"a": 1}')
    done = add(tmp_path, "sbom.cdx.json", "a.cdx.json")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(wheel) as after:
        assert after.testzip() is None
        expected = [
            *before.namelist()[:-1],
            f"{INFO}/sboms/a.cdx.json",
            f"{INFO}/sboms/sbom.cdx.json",
            f"{INFO}/RECORD",
        ]
        assert after.namelist() == expected
        assert len(set(expected)) == len(expected)
        for old in before.infolist()[:-1]:
            new = after.getinfo(old.filename)
            assert (new.CRC, new.compress_size, new.compress_type, new.date_time) == (
                old.CRC,
                old.compress_size,
                old.compress_type,
                old.date_time,
            )
        new = after.getinfo(f"{INFO}/sboms/a.cdx.json")
        assert (new.date_time, new.external_attr >> 16) == ((2001, 9, 9, 1, 46, 40), 0o100644)
        rows = list(csv.reader(io.StringIO(after.read(f"{INFO}/RECORD").decode())))
    digest = base64.urlsafe_b64encode(hashlib.sha256(b'{"a": 1}').digest()).decode().rstrip("=")
    assert [f"{INFO}/sboms/a.cdx.json", f"sha256={digest}", "8"] in rows
    assert [row[0] for row in rows][-1] == f"{INFO}/RECORD"
    assert list(wheel.parent.iterdir()) == [wheel]


def test_the_same_documents_make_the_same_wheel(tmp_path: Path) -> None:
    """Whatever the time is, and in whichever order they are named."""
    made = []
    for root, names in ((tmp_path / "1", ("a", "sbom")), (tmp_path / "2", ("sbom", "a"))):
        wheel = make_wheel(root, extra={})
        write(root, sbom="{}", a="{}")
        assert add(root, *(f"{name}.cdx.json" for name in names)).returncode == 0
        with zipfile.ZipFile(wheel) as archive:
            infos = archive.infolist()[-3:]
            made.append([(one.filename, one.date_time, one.CRC) for one in infos[:-1]])
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("missing.cdx.json",), "missing.cdx.json is no file of the project"),
        (("folder",), "folder is no file of the project"),
        (("sbom.cdx.json", "folder/sbom.cdx.json"), "two files are called sbom.cdx.json"),
        (("auditwheel.cdx.json",), f"the wheel has another {INFO}/sboms/auditwheel.cdx.json already"),
    ],
)
def test_what_cannot_be_put_fails_the_step(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    """With a line that names it, and the wheel stays as it was."""
    wheel = make_wheel(tmp_path, extra={f"{INFO}/sboms/auditwheel.cdx.json": "{}"})
    write(tmp_path, sbom="{}", auditwheel="[]", **{"folder/sbom": "{}"})
    before = wheel.read_bytes()
    done = add(tmp_path, *names)
    assert done.returncode == 1
    assert words in done.stderr
    assert wheel.read_bytes() == before


def test_the_same_document_again_is_no_mistake(tmp_path: Path) -> None:
    """A build backend may have put it there: flit, hatchling and others know `sbom-files`."""
    wheel = make_wheel(tmp_path, extra={f"{INFO}/sboms/sbom.cdx.json": "{}"})
    write(tmp_path, sbom="{}")
    assert add(tmp_path, "sbom.cdx.json").returncode == 0
    with zipfile.ZipFile(wheel) as archive:
        assert archive.namelist().count(f"{INFO}/sboms/sbom.cdx.json") == 1


def test_without_documents_there_is_no_step() -> None:
    """And none for another Python than the cell's."""
    made = recipe_for(job_for("cp311-manylinux_x86_64", catalog.load()))
    assert tuple(made.add_sboms()) == ()
    job = job_for("cp311-manylinux_x86_64", catalog.load(), settings_with({SBOMS: ("a",), ENVIRONMENT: (("A", "1"),)}))
    (step,) = replace(recipe_for(job)).add_sboms()
    assert "/opt/python/cp311-cp311/bin/python" in step.request.argv
    assert step.shown == "put a into the wheel"
