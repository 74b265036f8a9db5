"""Statements of provenance: whole fake runs whose wheels get one, as the index and people read it."""

import json
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from attestations import VerificationError, predicate_for_signing, read_by_index
from checkouts import commit, git
from fake_run import ORDERED, FakeRun, outcome
from msgspec.structs import replace
from planning import settings_with

from matrix_runner.config.options.build_options import BEFORE_ALL, ENVIRONMENT, ENVIRONMENT_PASS
from matrix_runner.config.options.option import Option, Source
from matrix_runner.config.options.output_options import OVERWRITE
from matrix_runner.config.options.run_options import STEP_TIMEOUT
from matrix_runner.config.options.source_options import SDIST
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeResult
from matrix_runner.files import sha256_of
from matrix_runner.model.outcomes import Status
from matrix_runner.provenance.statement import Resource, Statement, read_statement
from matrix_runner.store.sealed import seal, unseal

CELL, LATER = "cp311-manylinux_x86_64", "cp312-manylinux_x86_64"
WHEEL = "demo-1.0-cp311-cp311-manylinux_2_31_x86_64.whl"
SHA = "a" * 64
NOTE = {
    "packages": [["setuptools", "84.2.1", ["py3-none-any"]], ["Cython", "3.1", ["cp311-cp311-linux_x86_64"]]],
    "lock": f"""
[[packages]]
name = "setuptools"
version = "84.2.1"
wheels = [{{ url = "https://index.example/setuptools-84.2.1-py3-none-any.whl", hashes = {{ sha256 = "{SHA}" }} }}]
""",
    "reported": [],
}


def notes(call: FakeCall) -> FakeResult | None:
    """Answer as a cell in which our own frontend has noted what it installed."""
    if call.request.argv[:1] == ("head",):
        assert call.request.argv[-1] == "/matrix/frontend/origins.json"
        return FakeResult(output=(json.dumps(NOTE).encode(),))
    return None


def make(
    directory: Path, values: Mapping[Option[object], object] | None = None, *cells: str, **environ: str
) -> FakeRun:
    """Return a fake run."""
    given: dict[Option[object], object] = {OVERWRITE: True, **(values or {})}
    return FakeRun(
        directory=directory,
        identifiers=cells or (CELL,),
        settings=settings_with(given, project_name="demo"),
        override=notes,
        environ=environ,
    )


def statement_of(fake: FakeRun, wheel: str = WHEEL) -> Statement:
    """Return the statement of a wheel."""
    return read_statement((fake.report_dir / "provenance" / f"{wheel}.json").read_bytes())


def resources(statement: Statement) -> dict[str, Resource]:
    """Return what the build used, by name."""
    return {one.name: one for one in statement.predicate.build_definition.resolved_dependencies}


def test_a_statement_is_of_one_file_and_says_how_it_was_made(tmp_path: Path) -> None:
    """Subject, cell, builder, time; tools; requirements with the hashes that are known, and what is not known."""
    fake = make(tmp_path)
    report = fake.run()
    wheel = fake.wheelhouse / WHEEL
    statement = statement_of(fake)
    (subject,) = statement.subject
    assert (subject.name, subject.digest) == (WHEEL, {"sha256": sha256_of(wheel)})
    assert statement.cell == CELL
    details = statement.predicate.run_details
    assert details.builder.id == "pkg:pypi/matrix-runner"
    assert details.metadata.invocation_id == f"r1/{CELL}"
    assert details.metadata.started_on <= details.metadata.finished_on
    assert details.metadata.finished_on.endswith("Z")
    internal = statement.predicate.build_definition.internal_parameters
    assert internal["engine"] == {"name": "fake", "version": "1", "machine": "x86_64"}
    rights = internal["rights"]
    assert isinstance(rights, dict)
    assert (rights["sandbox"], rights["new_privileges"]) == ("default", False)
    used = resources(statement)
    assert used["auditwheel"].uri == "pkg:pypi/auditwheel@1.0"
    assert used["setuptools"].digest == {"sha256": SHA}
    assert used["setuptools"].annotations["file"] == "setuptools-84.2.1-py3-none-any.whl"
    assert used["cython"].digest == {}
    assert used["cython"].annotations["digest"] == "unknown"
    record = outcome(report, CELL).wheel
    assert record is not None
    assert record.provenance == f"provenance/{WHEEL}.json"
    document = json.loads((fake.report_dir / "report.json").read_bytes())
    assert document["cells"][0]["wheel"]["provenance"] == f"provenance/{WHEEL}.json"


def test_the_index_reads_it(tmp_path: Path) -> None:
    """As PEP 740 wants it, so that whoever signs it may upload it with the wheel; not with another."""
    fake = make(tmp_path)
    fake.run()
    data = (fake.report_dir / "provenance" / f"{WHEEL}.json").read_bytes()
    wheel = fake.wheelhouse / WHEEL
    kind, predicate = read_by_index(data, wheel)
    assert kind == "https://slsa.dev/provenance/v1"
    assert predicate == json.loads(data)["predicate"]
    assert predicate_for_signing(data) == "pkg:pypi/matrix-runner#build-types/cell/v1"
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    with pytest.raises(VerificationError, match="digest"):
        read_by_index(data, wheel)


def test_a_shared_wheel_has_one(tmp_path: Path) -> None:
    """Of the cell that built it; the output directory has wheels only."""
    fake = make(tmp_path, None, CELL, LATER)
    fake.is_abi3 = True
    report = fake.run()
    assert str(outcome(report, LATER).reused_from) == CELL
    (statement,) = (fake.report_dir / "provenance").iterdir()
    assert read_statement(statement.read_bytes()).cell == CELL
    assert [path.suffix for path in fake.wheelhouse.iterdir()] == [".whl"]


def test_the_source_is_a_commit_or_what_was_packed(tmp_path: Path) -> None:
    """A commit only if the packed files are those of it; the remote without login."""
    fake = make(tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    fake.run()
    assert set(resources(statement_of(fake))["source"].digest) == {"sha256"}
    git(project, "init", "-q")
    git(project, "remote", "add", "origin", "https://me:hunter2@git.example/demo.git")
    commit(project, "first")
    head = git(project, "rev-parse", "HEAD").strip()
    fake.run()
    source = resources(statement_of(fake))["source"]
    assert source.digest == {"gitCommit": head}
    assert source.uri == f"git+https://git.example/demo.git@{head}"
    (project / "new.py").write_text("x = 1\n")
    fake.run()
    changed = resources(statement_of(fake))["source"]
    assert set(changed.digest) == {"sha256"}
    assert changed.uri == "git+https://git.example/demo.git"
    assert changed.annotations == {"isClean": False, "changedSince": head}


def test_an_sdist_of_the_run_is_named(tmp_path: Path) -> None:
    """With `sdist`, wheels are built from that, and that from the source."""
    fake = make(tmp_path, {SDIST: True})
    fake.run()
    used = resources(statement_of(fake))
    assert used["demo-1.0.tar.gz"].digest == {"sha256": sha256_of(fake.wheelhouse / "demo-1.0.tar.gz")}
    assert "source" in used


def test_settings_that_somebody_has_set_are_in_it_without_secrets(tmp_path: Path) -> None:
    """Those that can change the wheel; values by names of secrets and those of the machine are masked."""
    given = {
        BEFORE_ALL: f"{ORDERED} with s3cr3t-s3cr3t",
        ENVIRONMENT: (("MY_TOKEN", "abc"), ("PLAIN", "yes")),
        ENVIRONMENT_PASS: ("PASSED",),
        STEP_TIMEOUT: 7,
    }
    fake = make(tmp_path, given, PASSED="s3cr3t-s3cr3t")
    settings = fake.settings
    of_file = replace(settings.origin(BEFORE_ALL), source=Source.FILE)
    fake.settings = replace(settings, resolved=tuple(replace(one, origin=of_file) for one in settings.resolved))
    fake.run()
    statement = statement_of(fake)
    stated = msgspec.convert(statement.predicate.build_definition.external_parameters["settings"], dict[str, object])
    assert stated["before-all"] == f"{ORDERED} with ***"
    assert "abc" not in str(stated["environment"])
    assert "yes" in str(stated["environment"])
    assert stated["environment-pass"] == ["PASSED"]
    assert "step-timeout" not in stated
    assert b"s3cr3t" not in (fake.report_dir / "provenance" / f"{WHEEL}.json").read_bytes()


@pytest.mark.parametrize("environ", [{}, {"PASSED": "s3cr3t-s3cr3t"}], ids=["plain", "masked"])
def test_a_cached_wheel_keeps_the_statement_of_its_build(tmp_path: Path, environ: dict[str, str]) -> None:
    """To the byte, also where it is masked once more."""
    fake = make(tmp_path, {ENVIRONMENT_PASS: ("PASSED",)}, **environ)
    fake.cache = tmp_path / "cache"
    fake.run()
    path = fake.report_dir / "provenance" / f"{WHEEL}.json"
    built = path.read_bytes()
    path.unlink()
    again = fake.run()
    assert outcome(again, CELL).status is Status.CACHED
    assert path.read_bytes() == built
    record = outcome(again, CELL).wheel
    assert record is not None
    assert record.provenance == f"provenance/{WHEEL}.json"


def test_an_entry_of_an_earlier_release_is_taken_and_has_none(tmp_path: Path) -> None:
    """It says so, and a statement of another wheel of that name does not stay beside it."""
    fake = make(tmp_path)
    fake.cache = tmp_path / "cache"
    fake.run()
    (entry,) = fake.cache.glob("entries/*/*")
    content = unseal((entry / "entry.json").read_bytes())
    assert content is not None
    record = json.loads(content)
    del record["provenance"]
    (entry / "entry.json").write_bytes(seal(json.dumps(record).encode()))
    (entry / "provenance.json").unlink()
    again = fake.run()
    wheel = outcome(again, CELL).wheel
    assert outcome(again, CELL).status is Status.CACHED
    assert wheel is not None
    assert wheel.provenance is None
    assert not list((fake.report_dir / "provenance").iterdir())
    assert any("no statement of provenance" in text for text in fake.recorder.notices())


def test_a_damaged_statement_in_the_cache_counts_as_missing_entry(tmp_path: Path) -> None:
    """As every file of an entry: the cell is built again."""
    fake = make(tmp_path)
    fake.cache = tmp_path / "cache"
    fake.run()
    (kept,) = fake.cache.glob("entries/*/*/provenance.json")
    kept.write_bytes(kept.read_bytes().replace(b"r1/", b"r2/"))
    assert outcome(fake.run(), CELL).status is Status.PASSED


def test_a_statement_that_cannot_be_written_costs_no_wheel(tmp_path: Path) -> None:
    """It is warned of."""
    fake = make(tmp_path)
    fake.report_dir.mkdir(parents=True)
    (fake.report_dir / "provenance").write_text("in the way")
    report = fake.run()
    assert outcome(report, CELL).status is Status.PASSED
    assert (fake.wheelhouse / WHEEL).is_file()
    assert any("cannot be written" in text for text in fake.recorder.notices())
