"""What real CI jobs can do to their outputs, and what is said of it: once, and with the name of the file."""

import json
from pathlib import Path

import pytest
from sdist_making import write_tar
from shard_outputs import ShardOutput, wheel_name
from wheel_builder import DIST_INFO, build_wheel

from matrix_runner.collect.delivery import Places
from matrix_runner.collect.expectation import Expectation, expectation
from matrix_runner.collect.index_description import render_objection
from matrix_runner.collect.index_metadata import objections, refused_by_pypi
from matrix_runner.collect.merging import Collected, Terms, collect_files
from matrix_runner.shards.matrix_forms.matrix_document import ExpectedCell, ExpectedPackage

A, B = "cp311-manylinux_x86_64", "cp313-manylinux_x86_64"
METADATA = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
SDIST = {"demo-1.0/pyproject.toml": b"", "demo-1.0/PKG-INFO": METADATA}


def wanted(*also: str, sdist: bool = False) -> Expectation:
    """Return what is expected of two cells."""
    return expectation([ExpectedCell(identifier=cell) for cell in (A, B)], also, has_sdist=sdist, project="demo")


def collected(output: ShardOutput, expected: Expectation | None = None, **terms: bool) -> Collected:
    """Return what a job has left, held against what is expected."""
    directory = output.wheels.parent.parent
    scratch = directory.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    return collect_files([directory], expected or wanted(), Terms(**terms), scratch)


@pytest.fixture(name="output")
def _output(tmp_path: Path) -> ShardOutput:
    output = ShardOutput(tmp_path / "artifacts", 1)
    for cell in (A, B):
        output.passed(cell)
    return output


def edit_report(output: ShardOutput, **values: object) -> None:
    """Change values of a job's report.json."""
    path = output.report / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_report_that_names_the_wheel_of_another_cell(output: ShardOutput) -> None:
    """No installer takes it for the cell: of that there would be no wheel in the release."""
    one, two = json.loads((output.report / "report.json").read_text())["cells"]
    edit_report(output, cells=[{**one, "wheel": two["wheel"]}, two])
    (output.wheels / wheel_name(A)).unlink()
    (text,) = collected(output).refusals
    assert text.startswith(f"{wheel_name(B)} is the wheel of {A} by the report in ")
    assert text.endswith("and no installer takes it there")


def test_a_statement_under_another_name_is_delivered_under_its_own(output: ShardOutput, tmp_path: Path) -> None:
    """It is of this very wheel, by name and digest."""
    statement = output.report / "provenance" / f"{wheel_name(A)}.json"
    content = statement.read_bytes()
    statement.rename(statement.with_name("renamed.whl.json"))
    found = collected(output)
    assert found.refusals == ()
    report = tmp_path / "dist-report"
    found.deliver("abc", Places(output=tmp_path / "dist", report=report, shown=report), ())
    assert (report / "provenance" / statement.name).read_bytes() == content


@pytest.mark.parametrize("place", ["report", "top"])
def test_wheels_below_a_directory_with_sums(output: ShardOutput, place: str) -> None:
    """They are found there, and so is one that nobody expects."""
    if place == "report":
        output.wheels.rename(output.report / "wheels")
        output.wheels = output.report / "wheels"
    else:
        (output.wheels.parent.parent / "SHA256SUMS").write_text(f"{'0' * 64}  other.zip\n")
    assert collected(output).refusals == ()
    stray = build_wheel(output.wheels, wheel_name("cp310-manylinux_x86_64"))
    assert collected(output).refusals == (f"{stray.name} is of cp310-manylinux_x86_64, which is not expected",)


def test_sums_that_are_damaged(output: ShardOutput) -> None:
    """What they no longer say, nobody can hold against a file; those beside no report may be anybody's."""
    sums = output.report / "SHA256SUMS"
    sums.write_bytes(sums.read_bytes()[10:])
    (text,) = collected(output).refusals
    assert text == f"{sums} is damaged: a line in it is no digest of a file"
    other = output.wheels.parent / "SHA256SUMS"
    sums.rename(other)
    assert collected(output).refusals == ()


def test_what_no_report_vouches_for_is_one_line(output: ShardOutput) -> None:
    """It is not told besides that it is not the wheel of its cell."""
    (output.report / "report.json").unlink()
    texts = collected(output).refusals
    assert [text.partition(":")[0] for text in texts] == [wheel_name(A), wheel_name(B)]


def test_one_name_with_other_content_in_two_jobs(output: ShardOutput) -> None:
    """As of cells that one stable-ABI wheel could serve: each is another than the other's report says, of course."""
    other = ShardOutput(output.wheels.parent.parent, 2)
    again = other.passed(A, files={"demo/more.py": b""})
    assert collected(output).refusals == (
        f"{again.name} is there 2 times, with other content: in {output.wheels}, {other.wheels}",
        f"{A} was built 2 times: reports in {output.report}, {other.report}",
    )


def test_a_report_of_a_later_release(output: ShardOutput) -> None:
    """Its version is told, and not where its form differs, which is no mistake."""
    edit_report(output, version=2, cells={"new": "form"})
    assert collected(output).refusals[0] == (
        f"{output.report}/report.json: report.json is of version 2; this program reads version 1"
    )


def test_a_link_is_told(output: ShardOutput, tmp_path: Path) -> None:
    """A wheel is said to be missing that anybody sees there."""
    wheel = output.wheels / wheel_name(A)
    wheel.rename(tmp_path / wheel.name)
    wheel.symlink_to(tmp_path / wheel.name)
    assert collected(output).warnings == (f"{wheel} is not looked at: it is a link, or no file",)


@pytest.mark.parametrize("tag", ["py2-none-any", "cp311-none-any"])
def test_a_wheel_for_all_must_be_for_all(output: ShardOutput, tag: str) -> None:
    """One for Python 2, or for one Python, is not what `--also any` means."""
    pure: dict[str, bytes | None] = {"demo/_fast.cpython-311-x86_64-linux-gnu.so": None}
    other = build_wheel(output.wheels, f"demo-1.0-{tag}.whl", files=pure)
    assert collected(output, wanted("any")).refusals == (
        "any is missing: there is no wheel of it",
        f"{other.name} is of nothing that is expected",
    )


def test_an_sdist_that_no_run_has_made(output: ShardOutput) -> None:
    """Where the runs make one, wheels are built from that; of one that was made elsewhere nobody knows."""
    sdist = write_tar(output.wheels / "demo-1.0.tar.gz", files=SDIST)
    (text,) = collected(output, wanted(sdist=True)).refusals
    assert text.startswith(f"{sdist.name}: no report of a run vouches for it")
    assert collected(output, wanted(sdist=True), needs_reports=False).refusals == ()
    assert collected(output, wanted("sdist")).refusals == ()
    output.made_sdist(sdist, A)
    assert collected(output, wanted(sdist=True)).refusals == ()


def test_sdists_that_were_altered_alike(output: ShardOutput) -> None:
    """They have the same files, and not those of which the report tells."""
    sdist = write_tar(output.wheels / "demo-1.0.tar.gz", files=SDIST)
    output.made_sdist(sdist, A)
    more = {**SDIST, "demo-1.0/more": b""}
    write_tar(sdist, files=more)
    write_tar(output.report / sdist.name, files=dict(reversed(more.items())))
    (text,) = collected(output, wanted(sdist=True)).refusals
    assert "is another file than any report says" in text


def test_an_sdist_that_was_made_elsewhere_as_well(output: ShardOutput, tmp_path: Path) -> None:
    """Of two with the same files the one is delivered from which wheels were built."""
    sdist = write_tar(output.wheels / "demo-1.0.tar.gz", files=SDIST)
    output.made_sdist(sdist, A)
    (output.wheels.parent.parent / "0").mkdir()
    write_tar(output.wheels.parent.parent / "0" / sdist.name, files=dict(reversed(SDIST.items())))
    found = collected(output, wanted("sdist", sdist=True))
    assert found.refusals == ()
    report = tmp_path / "dist-report"
    found.deliver("abc", Places(output=tmp_path / "dist", report=report, shown=report), ())
    assert (tmp_path / "dist" / sdist.name).read_bytes() == sdist.read_bytes()


def test_an_sdist_that_is_none_is_not_missing_besides(output: ShardOutput) -> None:
    """It is there, and what is wrong with it is told."""
    (output.wheels / "demo-1.0.tar.gz").write_bytes(b"")
    assert collected(output, wanted("sdist")).refusals == ("demo-1.0.tar.gz: has nothing in it",)


def test_a_description_that_is_nested_too_deeply() -> None:
    """The library that renders it gives up, and so does the index."""
    text = "\n".join(f"{' ' * at}* a\n" for at in range(600)).encode()
    found = render_objection(METADATA + b"Description-Content-Type: text/x-rst\n\n" + text)
    assert found == "its description cannot be rendered as reStructuredText: it is nested too deeply"


def test_enormous_metadata(output: ShardOutput) -> None:
    """Each refusal names its wheel, and is no longer than people read."""
    output.passed(A, files={f"{DIST_INFO}/METADATA": METADATA + b"Summary: " + b"x" * 2_000_000 + b"\n"})
    (text,) = collected(output).refusals
    assert text.startswith(f"{wheel_name(A)}: METADATA has headers of ")
    nested = METADATA + b"Requires-Dist: a; " + b"(" * 20_000 + b"os_name=='x'" + b")" * 20_000 + b"\n"
    assert [len(each) < 400 for each in objections(nested)] == [True]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (b"Requires-Dist: other @ https://example.org/other.whl\n", "the requirement of a URL, other"),
        (b"Summary: " + b"x" * 513 + b"\n", "a summary of more than 512 characters"),
        (b"Project-URL: " + b"x" * 33 + b", https://example.org\n", "a label of more than 32 characters for a URL"),
        (b"Classifier: Private :: Do Not Upload\n", "the classifier Private :: Do Not Upload"),
    ],
)
def test_what_pypi_refuses_and_others_take(output: ShardOutput, lines: bytes, words: str) -> None:
    """It is told, and not refused: a company's own index has such wheels."""
    output.passed(A, files={f"{DIST_INFO}/METADATA": METADATA + lines})
    found = collected(output)
    assert found.refusals == ()
    (text,) = found.warnings
    assert text.startswith(f"{wheel_name(A)}: PyPI refuses {words}")


def test_a_local_version(tmp_path: Path) -> None:
    """Versions that come from git are such for each commit without a tag, and such runs are collected, too."""
    output = ShardOutput(tmp_path / "artifacts", 1)
    for cell in (A, B):
        output.passed(cell, wheel_name(cell, version="1!1.0.dev3+gabc"))
    found = collected(output)
    assert found.refusals == ()
    assert found.warnings[0].endswith(" and 1 more: PyPI refuses the local version 1!1.0.dev3+gabc")
    assert list(refused_by_pypi(b"Name: demo\n")) == []


def test_what_was_made_elsewhere_of_packages_of_a_workspace(tmp_path: Path) -> None:
    """Each package has its own, and an sdist of which nobody said anything is not delivered with the others'."""
    output = ShardOutput(tmp_path / "artifacts", 1)
    tags = "cp311-cp311-manylinux_2_17_x86_64.whl"
    packages = tuple(ExpectedPackage(name=name, project=name, sdist=False) for name in ("core", "plugin"))
    for package in packages:
        output.passed(f"{package.name}:{A}", f"{package.name}-1.0-{tags}")
        metadata = METADATA.replace(b"demo", package.name.encode())
        top = f"{package.name}-1.0"
        write_tar(output.wheels / f"{top}.tar.gz", files={f"{top}/pyproject.toml": b"", f"{top}/PKG-INFO": metadata})
    edit_report(output, packages=[{"name": each.name, "source": {"sha256": "5" * 64}} for each in packages])

    def expected(*also: str, also_of: str = "") -> Expectation:
        cells = [ExpectedCell(identifier=f"{package.name}:{A}") for package in packages]
        return expectation(cells, also, has_sdist=False, packages=packages, also_of=also_of)

    assert collected(output, expected("{core,plugin}:sdist")).refusals == ()
    for words in (expected("core:sdist"), expected("sdist", also_of="core")):
        found = collected(output, words, is_whole=False)
        assert found.warnings == ("plugin-1.0.tar.gz is not expected: no sdist is; --also plugin:sdist asks for one",)
        assert [sdist.name for sdist in found.sdists] == ["core-1.0.tar.gz"]
    foreign = build_wheel(output.wheels, "core-1.0-cp312-cp312-win_amd64.whl")
    words = expected("{core,plugin}:sdist", "{core,plugin}:cp312-win_amd64")
    assert collected(output, words).refusals == ("plugin:cp312-win_amd64 is missing: there is no wheel of it",)
    assert foreign.name in collected(output, expected("{core,plugin}:sdist")).refusals[0]
