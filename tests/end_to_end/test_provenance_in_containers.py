"""Real wheels of real containers: their statements of provenance, and the bill of a library that was built by hand."""

import json
import zipfile
from pathlib import Path

from attestations import predicate_for_signing, read_by_index
from checkouts import commit, git
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from image_source import ImageSource
from runner_process import Ended, run_build, run_command
from sample_projects import extension_project, linked_project, write_project

from matrix_runner.files import sha256_of
from matrix_runner.policy import read_wheel
from matrix_runner.provenance.statement import Resource, Statement, read_statement

CELL, LATER = "cp311-manylinux_x86_64", "cp313-manylinux_x86_64"


def checkout(directory: Path, files: dict[str, str]) -> Path:
    """Write a project and commit it."""
    project = write_project(directory, files)
    git(project, "init", "-q")
    git(project, "remote", "add", "origin", "https://me:hunter2@git.example/answer.git")
    return commit(project, "first")


def statement_of(ended: Ended, wheel: Path) -> tuple[bytes, Statement]:
    """Return the statement of a wheel."""
    data = (ended.report_directory / "provenance" / f"{wheel.name}.json").read_bytes()
    return data, read_statement(data)


def used(statement: Statement) -> dict[str, Resource]:
    """Return what a build used, by the role that it had, or by name."""
    found = statement.predicate.build_definition.resolved_dependencies
    return {one.name: one for one in found} | {str(one.annotations.get("role")): one for one in found}


def test_each_wheel_has_a_statement_that_the_index_reads(images: ImageSource, tmp_path: Path) -> None:
    """Source, image, requirements with hashes; from the cache, those of the build; `runner verify` agrees."""
    project = checkout(tmp_path / "project", extension_project())
    kept = {
        "MATRIX_RUNNER_NO_CACHE": "",
        "MATRIX_RUNNER_CACHE_DIR": str(tmp_path / "store"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    ended = run_build(project, tmp_path / "out", *images.only(CELL, LATER), **kept)
    assert ended.code == 0, ended.output
    assert len(ended.wheels) == 2
    head = git(project, "rev-parse", "HEAD").strip()
    statements: dict[str, bytes] = {}
    for wheel in ended.wheels:
        data, statement = statement_of(ended, wheel)
        statements[wheel.name] = data
        kind, predicate = read_by_index(data, wheel)
        assert (kind, predicate) == ("https://slsa.dev/provenance/v1", json.loads(data)["predicate"])
        assert predicate_for_signing(data)
        found = used(statement)
        assert found["source"].digest == {"gitCommit": head}
        assert b"hunter2" not in data
        assert len(found["setuptools"].digest["sha256"]) == 64
        assert len(next(iter(found["image"].digest.values()))) == 64
        if images.name == "own":
            assert found["image"].annotations["isLocal"] is True
            assert found["image"].annotations["layers"]
        assert found["auditwheel"].uri.startswith("pkg:pypi/auditwheel@")

    verified = run_command("verify", "--provenance", "--statements", ended.report_directory, *ended.wheels)
    assert (verified.returncode, len(verified.stdout.splitlines())) == (0, 2), verified.stderr

    again = run_build(project, tmp_path / "again", *images.only(CELL, LATER), **kept)
    assert {str(cell["status"]) for cell in again.cells.values()} == {"cached"}
    assert {wheel.name: statement_of(again, wheel)[0] for wheel in again.wheels} == statements


def test_a_library_that_was_built_by_hand_is_in_a_bill_of_materials(images: ImageSource, tmp_path: Path) -> None:
    """Valid, of the very file; installed, tested, the same in each build; one of a package is left to auditwheel's."""
    files = linked_project()
    if images.name == "own":
        files["gift.c"] = "int lzma_version_number(void); int gift(void) { return lzma_version_number() ? 42 : 0; }"
        files["pyproject.toml"] = files["pyproject.toml"].replace("{project}/gift.c", "{project}/gift.c -llzma")
    project = write_project(tmp_path / "project", files)
    ended = run_build(project, tmp_path / "out", *images.only(CELL))
    assert ended.code == 0, ended.output
    (wheel,) = ended.wheels
    with zipfile.ZipFile(wheel) as archive:
        document = archive.read("answer-1.0.dist-info/sboms/matrix-runner.cdx.json")
        (library,) = (name for name in archive.namelist() if "libgift" in name)
        content = archive.read(library)
        owned = [name for name in archive.namelist() if "liblzma" in name]
        if images.name == "own":
            assert b"liblzma" in archive.read("answer-1.0.dist-info/sboms/auditwheel.cdx.json")
    assert JsonStrictValidator(SchemaVersion.V1_4).validate_str(document.decode()) is None
    (component,) = json.loads(document)["components"]
    (tmp_path / "library").write_bytes(content)
    assert component["name"] == "libgift.so.1"
    assert component["hashes"] == [{"alg": "SHA-256", "content": sha256_of(tmp_path / "library")}]
    assert read_wheel(wheel).contents.grafted_files == (library, *owned)
    assert "not listed" not in run_command("inspect", wheel).stdout

    same = run_build(project, tmp_path / "same", *images.only(CELL))
    assert sha256_of(same.wheels[0]) == sha256_of(wheel)
    without = run_build(project, tmp_path / "without", *images.only(CELL), MATRIX_RUNNER_UNOWNED_SBOM="false")
    with zipfile.ZipFile(without.wheels[0]) as archive:
        assert not [name for name in archive.namelist() if name.endswith("/sboms/matrix-runner.cdx.json")]
