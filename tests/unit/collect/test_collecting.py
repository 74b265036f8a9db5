"""What jobs have left is taken as a whole, or refused with a line for each thing that is wrong."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from sdist_making import write_tar
from shard_outputs import ShardOutput, wheel_name
from stated_wheels import statement_for
from wheel_builder import DIST_INFO, build_wheel

from matrix_runner.collect.expectation import Expectation, expectation
from matrix_runner.collect.index_description import render_objection
from matrix_runner.collect.index_metadata import objections
from matrix_runner.collect.merging import Terms, collect_files
from matrix_runner.errors import UsageError
from matrix_runner.files import sha256_of
from matrix_runner.provenance.statement import Resource, write_statement
from matrix_runner.shards.matrix_forms.matrix_document import ExpectedCell

A, B, C, D = "cp311-manylinux_x86_64", "cp313-manylinux_x86_64", "cp311-manylinux_i686", "cp313-manylinux_i686"
CELLS = (A, B, C, D)
METADATA = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"


def expected(*also: str, cells: tuple[str, ...] = CELLS, size: int = 0, project: str = "demo") -> Expectation:
    """Return what is expected of a plan's cells."""
    each = [ExpectedCell(identifier=cell, max_wheel_size=size) for cell in cells]
    return expectation(each, also, has_sdist=False, project=project)


@dataclass
class Shards:
    """Two jobs that have built all four cells."""

    directory: Path
    one: ShardOutput
    two: ShardOutput

    def refusals(self, wanted: Expectation | None = None, **terms: bool) -> tuple[str, ...]:
        """Return what is said against them, with the directory left out."""
        return refusals(self.directory, wanted, **terms)


def refusals(directory: Path, wanted: Expectation | None = None, **terms: bool) -> tuple[str, ...]:
    """Return what is said against the files in a directory, without its path."""
    scratch = directory.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    collected = collect_files([directory], wanted or expected(), Terms(**terms), scratch)
    return tuple(text.replace(f"{directory}/", "") for text in collected.refusals)


@pytest.fixture(name="shards")
def _shards(tmp_path: Path) -> Shards:
    directory = tmp_path / "artifacts"
    one, two = ShardOutput(directory, 1), ShardOutput(directory, 2)
    for output, cells in ((one, (A, B)), (two, (C, D))):
        for cell in cells:
            output.passed(cell)
    return Shards(directory, one, two)


def test_a_whole_set_is_taken(shards: Shards) -> None:
    """Nothing is said against it, in whatever directories it lies; one that is named twice counts once."""
    assert shards.refusals() == ()
    merged = shards.directory / "merged"
    merged.mkdir()
    for wheel in [*shards.one.wheels.iterdir(), *shards.two.wheels.iterdir()]:
        wheel.rename(merged / wheel.name)
    assert shards.refusals() == ()
    wanted = expected()
    collected = collect_files([shards.directory, merged], wanted, Terms(), shards.directory)
    assert collected.refusals == ()
    assert collected.summary == "4 wheels for 4 cells, of demo 1.0"


def test_wheels_and_report_in_one_directory(shards: Shards) -> None:
    """As an artifact may have them that was uploaded as a whole."""
    for output in (shards.one, shards.two):
        for wheel in output.wheels.iterdir():
            wheel.rename(output.report / wheel.name)
    assert shards.refusals() == ()


def test_a_wheel_that_is_gone(shards: Shards) -> None:
    """Its name, its cell, and the report that has it."""
    (shards.one.wheels / wheel_name(B)).unlink()
    assert shards.refusals() == (f"{wheel_name(B)} is missing, the wheel of {B} by the report in 1/wheelhouse-report",)


def test_a_shard_that_is_gone(shards: Shards) -> None:
    """Each of its cells."""
    for path in sorted(shards.directory.glob("2/**/*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert shards.refusals() == tuple(
        f"{cell} is missing: there is no wheel of it, and no report of a run" for cell in (C, D)
    )


def test_a_cell_that_failed(shards: Shards) -> None:
    """Where, in which step and why; a job that was tried again may pass."""
    shards.two.failed(D)
    (shards.two.wheels / wheel_name(D)).unlink()
    assert shards.refusals() == (f"{D} has no wheel: it has failed in 2/wheelhouse-report: build: exit status 1",)
    ShardOutput(shards.directory, 3).passed(D)
    assert shards.refusals() == ()


def test_a_wheel_that_is_there_twice(shards: Shards) -> None:
    """The same one, or another of that name; and a cell that two jobs have built."""
    again = shards.directory / "again"
    again.mkdir()
    copy = again / wheel_name(A)
    copy.write_bytes((shards.one.wheels / wheel_name(A)).read_bytes())
    assert shards.refusals() == (f"{copy.name} is there 2 times, the same file: in 1/wheelhouse, again",)
    build_wheel(again, copy.name, files={"demo/more.py": b"1"})
    assert f"{copy.name} is there 2 times, with other content: in 1/wheelhouse, again" in shards.refusals()
    copy.unlink()
    ShardOutput(shards.directory, 3).passed(A, "demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl")
    assert shards.refusals()[0] == f"{A} was built 2 times: reports in 1/wheelhouse-report, 3/wheelhouse-report"


def test_a_wheel_that_was_altered(shards: Shards) -> None:
    """A byte more, another member, or one that is no wheel any more."""
    wheel = shards.one.wheels / wheel_name(A)
    before = wheel.read_bytes()
    build_wheel(shards.one.wheels, wheel.name, files={"demo/more.py": b"1"})
    (text,) = shards.refusals()
    assert text.startswith(f"{wheel.name} is another file than 1/wheelhouse-report/SHA256SUMS says: its sha256 is ")
    (shards.one.report / "SHA256SUMS").unlink()
    assert shards.refusals()[0].startswith(f"{wheel.name} is another file than 1/wheelhouse-report says")
    wheel.write_bytes(before[: len(before) // 2])
    (text,) = shards.refusals()
    assert wheel.name in text


def test_another_version(shards: Shards) -> None:
    """Each wheel that is not of the version that most have; and another project."""
    ShardOutput(shards.directory, 3).passed(A, wheel_name(A, version="1.1"))
    shards.one.failed(A)
    (shards.one.wheels / wheel_name(A)).unlink()
    assert shards.refusals() == (
        f"{wheel_name(A, version='1.1')} is of demo 1.1, and most of the files are of demo 1.0",
    )
    assert shards.refusals(expected(project="Demo_"))[0].startswith("the files are of demo, and those of Demo_")


def test_another_source(tmp_path: Path) -> None:
    """By the digests in reports; a report that does not tell counts as another."""
    directory = tmp_path / "artifacts"
    for number, cell, source in ((1, A, "5" * 64), (2, B, "6" * 64), (3, C, "5" * 64), (4, D, None)):
        ShardOutput(directory, number, source=source).passed(cell)
    other = f"the run in 2/wheelhouse-report ({B}) was of another source than that in 1/wheelhouse-report"
    assert refusals(directory) == (
        f"{other}: 666666666666, not 555555555555",
        f"the report in 4/wheelhouse-report ({D}) does not say of which source the run was",
    )


def test_another_source_by_statements(shards: Shards) -> None:
    """Where no report tells: the commit, or the digest of the archive."""
    other = Resource(name="source", digest={"gitCommit": "d" * 40})
    wheel = shards.two.wheels / wheel_name(D)
    for output in (shards.one, shards.two):
        (output.report / "report.json").unlink()
    name = f"{wheel.name}.json"
    (shards.two.report / "provenance" / name).write_bytes(
        write_statement(statement_for(wheel.name, sha256_of(wheel), cell=D, source=other))
    )
    assert shards.refusals(needs_reports=False) == (
        f"{wheel.name} is of another source than {wheel_name(A)}: gitCommit dddddddddddd, not gitCommit cccccccccccc",
    )


def test_statements_that_do_not_belong(shards: Shards) -> None:
    """One that is gone though the report has it, one that cannot be read, one of another cell."""
    for cell, text in ((B, None), (C, "{}")):
        path = shards.directory / f"{1 if cell == B else 2}/wheelhouse-report/provenance/{wheel_name(cell)}.json"
        path.unlink() if text is None else path.write_text(text)
    wheel = shards.two.wheels / wheel_name(D)
    statement = write_statement(statement_for(wheel.name, sha256_of(wheel), cell=A))
    (shards.two.report / "provenance" / f"{wheel.name}.json").write_bytes(statement)
    gone, unreadable, other = shards.refusals()
    assert gone == f"{wheel_name(B)}: no statement is of it"
    assert unreadable.startswith(f"{wheel_name(C)}: its statement of provenance cannot be read: it is no statement")
    assert other.startswith(f"{wheel.name}: its statement names the cell {A}, in which a wheel of these tags")


def test_a_wheel_without_a_statement_of_which_its_report_says_so(tmp_path: Path) -> None:
    """An earlier release has put it into the cache: its digest is vouched for all the same."""
    output = ShardOutput(tmp_path / "artifacts", 1)
    output.passed(A, resource=None)
    assert refusals(tmp_path / "artifacts", expected(cells=(A,))) == ()


def test_what_an_index_would_refuse(tmp_path: Path) -> None:
    """A tag that was not repaired, metadata that are none, and a file that is too large."""
    directory = tmp_path / "artifacts"
    output = ShardOutput(directory, 1)
    bare = output.passed(A, "demo-1.0-cp311-cp311-linux_x86_64.whl")
    metadata = METADATA + b"Requires-Dist: a b\nFavourite-Colour: blue\n"
    wrong = output.passed(B, files={f"{DIST_INFO}/METADATA": metadata, f"demo/{'x' * 9}.bin": bytes(3000)})
    texts = refusals(directory, expected(cells=(A, B), size=wrong.stat().st_size - 1))
    assert f"{bare.name} was not repaired: indexes refuse linux_x86_64" in texts
    assert any(text.startswith(f"{wrong.name}: METADATA: ") and "requires-dist" in text for text in texts)
    assert any(text.startswith(f"{wrong.name}: METADATA has the field favourite-colour") for text in texts)
    assert any(text.startswith(f"{wrong.name} has ") and "more than max-wheel-size = " in text for text in texts)


def test_what_is_wrong_with_the_metadata_of_all_is_one_line(shards: Shards) -> None:
    """With the first wheel's name, and how many more have the same."""
    for output, cells in ((shards.one, (A, B)), (shards.two, (C, D))):
        for cell in cells:
            output.passed(cell, files={f"{DIST_INFO}/METADATA": METADATA + b"Requires-Dist: a b\n"})
    (text,) = shards.refusals()
    assert text.startswith(f"{wheel_name(A)} and 3 more: METADATA: ")


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        (b"text/x-rst", b"Title\n=====\n\n*yes*\n", None),
        (b"text/x-rst; charset=UTF-8", b"Title\n==\n\n.. nothing::\n", 'Unknown directive type "nothing"'),
        (b"", b"`", "cannot be rendered"),
        (b"text/markdown", b".. nothing::\n\n`", None),
        (b"text/x-rst", b" \n", None),
    ],
)
def test_a_description_that_an_index_cannot_show(kind: bytes, text: bytes, problem: str | None) -> None:
    """It refuses such an upload; without a type it takes it for reStructuredText."""
    header = b"Description-Content-Type: " + kind + b"\n" if kind else b""
    found = render_objection(METADATA + header + b"\n" + text)
    assert (found is None) == (problem is None)
    assert (problem or "") in (found or "")


def test_metadata_with_no_end_of_fields() -> None:
    """They are counted before anybody looks for each among all."""
    data = "".join(f"X-{at}: y\n" for at in range(300)).encode()
    assert list(objections(data)) == ["METADATA has 300 fields of different names"]


def test_a_wheel_that_nobody_expects(shards: Shards) -> None:
    """Of a cell outside the plan, of another system, or a second one of a cell."""
    other = shards.two.passed("cp310-manylinux_x86_64")
    foreign = build_wheel(shards.one.wheels, "demo-1.0-cp313-cp313-win_amd64.whl")
    second = build_wheel(shards.one.wheels, "demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl")
    texts = shards.refusals()
    assert f"{other.name} is of cp310-manylinux_x86_64, which is not expected" in texts
    assert f"{foreign.name} is of nothing that is expected" in texts
    harm = "and installers would take this one"
    assert f"{second.name} is not the wheel of {A}: {wheel_name(A)} is, {harm}" in texts
    assert len(texts) == 3


def test_a_wheel_that_installers_would_take_in_place_of_the_tested_one(tmp_path: Path) -> None:
    """One for the very Python, beside the one for the stable ABI that the cell has tested."""
    directory = tmp_path / "artifacts"
    output = ShardOutput(directory, 1)
    shared = output.passed(A, wheel_name(A, tag="cp311-abi3"))
    output.reused(B, A)
    wanted = expected(cells=(A, B))
    assert refusals(directory, wanted) == ()
    stale = build_wheel(output.wheels, wheel_name(B))
    assert refusals(directory, wanted) == (
        f"{stale.name} is not the wheel of {B}: {shared.name} is, and installers would take this one",
    )
    stale.unlink()
    generic = build_wheel(output.wheels, wheel_name(B, tag="py3-none"))
    assert refusals(directory, wanted) == (f"{generic.name} is of nothing that is expected",)


def test_a_cells_wheel_that_installers_would_take_elsewhere(tmp_path: Path) -> None:
    """Two shards, in which another cell built for the stable ABI: what one has tested is not what its users get."""
    directory = tmp_path / "artifacts"
    newest, one, two = "cp314-manylinux_x86_64", ShardOutput(directory, 1), ShardOutput(directory, 2)
    old = one.passed(A, wheel_name(A, tag="cp311-abi3"))
    one.reused(newest, A)
    new = two.passed(B, wheel_name(B, tag="cp313-abi3"))
    assert refusals(directory, expected(cells=(A, B, newest))) == (
        f"{new.name}: installers would take it for {newest}, which has tested {old.name}",
    )


def test_wheels_that_no_report_vouches_for(shards: Shards) -> None:
    """Refused, unless it is said that tags are enough; then a cell's wheel must be one, by tags."""
    for output in (shards.one, shards.two):
        for path in sorted(output.report.glob("**/*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        output.report.rmdir()
    name = wheel_name(A)
    assert shards.refusals()[0] == (
        f"{name}: no report of a run vouches for it, nor for {A}; --without-reports takes wheels by their tags"
    )
    assert shards.refusals(needs_reports=False) == ()
    build_wheel(shards.one.wheels, "demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl")
    (text, *_) = shards.refusals(needs_reports=False)
    assert text == f"{A} is there 2 times: {name}, demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl" or A in text


def test_one_wheel_for_several_cells_by_tags(tmp_path: Path) -> None:
    """That of the stable ABI serves later Pythons, never free-threaded ones."""
    directory = tmp_path / "artifacts"
    directory.mkdir()
    build_wheel(directory, wheel_name(A, tag="cp311-abi3"))
    free = "cp314t-manylinux_x86_64"
    assert refusals(directory, expected(cells=(A, B)), needs_reports=False) == ()
    assert refusals(directory, expected(cells=(A, B, free)), needs_reports=False) == (
        f"{free} is missing: there is no wheel of it, and no report of a run",
    )


OTHERS = {
    "cp312-win_amd64": "cp312-cp312-win_amd64",
    "cp313t-win32": "cp313-cp313t-win32",
    "cp312-macosx_arm64": "cp312-cp312-macosx_11_0_arm64",
    "cp312-ios_arm64_iphoneos": "cp312-cp312-ios_13_0_arm64_iphoneos",
    "any": "py3-none-any",
}


@pytest.mark.parametrize("also", OTHERS)
def test_wheels_of_others(shards: Shards, also: str) -> None:
    """They need no report, and are expected if they are named; once each."""
    files: dict[str, bytes | None] = {"demo/_fast.cpython-311-x86_64-linux-gnu.so": None} if also == "any" else {}
    other = build_wheel(shards.one.wheels, f"demo-1.0-{OTHERS[also]}.whl", files=files)
    assert shards.refusals() == (f"{other.name} is of nothing that is expected",)
    assert shards.refusals(expected(also)) == ()
    other.unlink()
    assert shards.refusals(expected(also)) == (f"{also} is missing: there is no wheel of it",)


def test_an_sdist(shards: Shards) -> None:
    """Expected if it is named; that of each job may be packed anew, with the same files in it."""
    info = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
    files = {"demo-1.0/pyproject.toml": b"", "demo-1.0/PKG-INFO": info}
    first = write_tar(shards.one.wheels / "demo-1.0.tar.gz", files=files)
    text = f"{first.name} is not expected: no sdist is; --also sdist asks for one"
    assert shards.refusals() == (text,)
    assert shards.refusals(expected("sdist")) == ()
    same = write_tar(shards.two.wheels / first.name, files=dict(reversed(files.items())))
    assert same.read_bytes() != first.read_bytes()
    assert shards.refusals(expected("sdist")) == ()
    write_tar(same, files={**files, "demo-1.0/more": b"1"})
    assert shards.refusals(expected("sdist")) == ("there are 2 different sdists: demo-1.0.tar.gz",)
    first.unlink()
    write_tar(same, files={**files, "demo-1.0/PKG-INFO": info.replace(b"1.0", b"2.0")})
    assert any("its PKG-INFO is of demo 2.0" in text for text in shards.refusals(expected("sdist")))
    same.unlink()
    assert shards.refusals(expected("sdist")) == ("the sdist is missing",)


@pytest.mark.parametrize(
    ("also", "words"),
    [
        ("cp311-manylinux_x86_64", "is a Linux cell, which the plan expects or not"),
        ("vax-win32", "unknown interpreter"),
        ("cp311-vms", "names no system that is known"),
        ("cp311-macosx_11_0_arm64", "has the version of a system in it"),
        ("cp3{1..2000}-win32", "stands for more than 1000 cells"),
    ],
)
def test_words_for_others_that_are_none(also: str, words: str) -> None:
    """They are told with what there is to say."""
    with pytest.raises(UsageError, match=words):
        expected(also)


def test_not_a_whole_set(shards: Shards) -> None:
    """If that is asked for, what is missing or too much is only warned of; what is wrong is refused all the same."""
    (shards.one.wheels / wheel_name(B)).unlink()
    extra = shards.two.passed("cp310-manylinux_x86_64")
    collected = collect_files([shards.directory], expected(), Terms(is_whole=False), shards.directory)
    assert collected.refusals == ()
    assert len(collected.warnings) == 2
    assert extra.name in collected.warnings[1]
    build_wheel(shards.one.wheels, wheel_name(A), files={"demo/more.py": b"1"})
    assert len(shards.refusals(is_whole=False)) == 1


def test_a_report_that_cannot_be_read(shards: Shards) -> None:
    """It is told, and vouches for nothing."""
    (shards.one.report / "report.json").write_text("{")
    texts = shards.refusals()
    assert texts[0].startswith("1/wheelhouse-report/report.json: this is no report.json of matrix-runner")
    assert any(A in text for text in texts[1:])


def test_links_are_not_followed(shards: Shards, tmp_path: Path) -> None:
    """Neither to wheels nor to directories."""
    wheel = shards.one.wheels / wheel_name(A)
    wheel.rename(tmp_path / wheel.name)
    wheel.symlink_to(tmp_path / wheel.name)
    assert shards.refusals()[0].startswith(f"{wheel.name} is missing")


def test_no_directory(tmp_path: Path) -> None:
    """A file, or nothing."""
    with pytest.raises(UsageError, match="is no directory"):
        collect_files([tmp_path / "none"], expected(), Terms(), tmp_path)
