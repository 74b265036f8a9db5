"""The readers of input that is not trusted, each with the contract that any bytes must keep.

A contract runs the real entry point: it gives a value, or raises the error of ours that its documentation names, with a
message that people can read. Whatever else a contract raises is a defect, and so are steps or memory beyond `fuzzing`'s
limits.
"""

import gzip
import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import reader_seeds as seeds
from packaging.version import Version
from wheel_builder import DIST_INFO, SUFFIX_X86_64, X86_64, in_chunks, record_line

from matrix_runner.carry.container_packing import packing_python
from matrix_runner.catalog.distributions import load_distributions
from matrix_runner.catalog.policies import load_policies
from matrix_runner.cell.causes.command_cause import Surroundings, explain_output
from matrix_runner.cell.causes.project_places import ProjectFiles
from matrix_runner.collect.expectation import expectation
from matrix_runner.collect.index_metadata import objections, refused_by_pypi
from matrix_runner.config.loading.loading import load
from matrix_runner.engine.api import ResolvedImage
from matrix_runner.errors import ConfigError, RunnerError, UsageError, WheelRejected
from matrix_runner.model.cells import Cell
from matrix_runner.model.elf_files import elf_file
from matrix_runner.model.outcomes import StepKind
from matrix_runner.model.platforms import Arch
from matrix_runner.policy.analysis import analyse
from matrix_runner.policy.elf_reading.elf import read_elf
from matrix_runner.policy.inspection_json import inspection_document
from matrix_runner.policy.inspection_text import describe
from matrix_runner.policy.sboms import read_bill
from matrix_runner.policy.wheel_reading import read_wheel
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.project.sdist import open_sdist
from matrix_runner.provenance.statement import NoStatement, read_statement, write_statement
from matrix_runner.provenance.statement_check import summary
from matrix_runner.recipe.image_facts import parse_probe
from matrix_runner.recipe.probing.image_problems import find_problem
from matrix_runner.report.ci.ci_commands import neutralise
from matrix_runner.report.recorded_run import RecordedRun
from matrix_runner.report.run_reading import read_run
from matrix_runner.report.sanitize import LONGEST_LINE, sanitized_lines
from matrix_runner.report.summary.report_writers import rendered
from matrix_runner.results.junit_reading import NotJunit, read_suites
from matrix_runner.results.junit_writing import junit_document
from matrix_runner.shards.matrix_forms.matrix_document import read_document
from matrix_runner.store import cell_inputs
from matrix_runner.store.entry_record import read_record
from matrix_runner.store.sealed import unseal
from matrix_runner.survey.project_survey import survey
from matrix_runner.wheelhouse import receive
from matrix_runner.wheelhouse.intake import SDIST, WHEEL
from matrix_runner.wheelhouse.sdist_name import parse_sdist_name
from matrix_runner.wheelhouse.wheel_name import parse_name

LONGEST_MESSAGE = 20_000
"""Characters of an error's message and hint: some screens, of which the first says all that matters."""

_CELL = Cell.parse("cp311-manylinux_x86_64")
_OBEYED = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Categories of characters that terminals obey, or that nobody sees."""

_FORMS = ("text", "md", "html", "junit", "json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """A reader: its contract, inputs that it takes, and words of its language.

    `contract` gets the bytes, and an empty directory of its own.
    """

    contract: Callable[[bytes, Path], None]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]


def _assert_told(error: Exception) -> None:
    hint = error.hint if isinstance(error, RunnerError) else None
    assert 0 < len(str(error)) + len(hint or "") <= LONGEST_MESSAGE, f"a message of {len(str(error))} characters"


def _wheel(data: bytes, room: Path) -> None:
    """A wheel is read and analysed, or rejected."""
    path = room / X86_64
    path.write_bytes(data)
    try:
        anatomy = read_wheel(path)
    except WheelRejected as error:
        _assert_told(error)
        return
    analysis = analyse(anatomy, load_policies())
    describe(analysis, load_distributions(), verbose=True)
    inspection_document(analysis, load_distributions())


def _wheel_texts(data: bytes, room: Path) -> None:
    """As `_wheel`, of a sound archive; the input is METADATA, WHEEL, a module, and RECORD if it is not made here."""
    metadata, wheel, module, record = (*data.split(seeds.SEPARATOR, 3), b"", b"", b"")[:4]
    files = {
        f"demo/_fast{SUFFIX_X86_64}": module,
        f"{DIST_INFO}/METADATA": metadata,
        f"{DIST_INFO}/WHEEL": wheel,
    }
    lines = "".join(f"{','.join(record_line(path, content))}\n" for path, content in files.items())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in (*files.items(), (f"{DIST_INFO}/RECORD", record or lines.encode())):
            archive.writestr(zipfile.ZipInfo(path), content)
    _wheel(buffer.getvalue(), room)


def _archive(data: bytes, room: Path) -> None:
    """The one file of a container's archive is written, or nothing is. The first byte: which kind, cut how."""
    kind, size = (SDIST if data[:1] and data[0] & 1 else WHEEL), 1 + (data[0] if data else 0) * 40
    try:
        placed = receive(in_chunks(data[1:], size), room, expected=kind)
    except WheelRejected as error:
        _assert_told(error)
        assert list(room.iterdir()) == []
        return
    assert list(room.iterdir()) == [placed]
    assert placed.is_file()
    assert not placed.is_symlink()


def _sdist(data: bytes, room: Path) -> None:
    """An sdist is unpacked below its directory, or refused. After the first byte, if it is odd: a tar to compress."""
    path, scratch = room / "demo-1.0.tar.gz", room / "scratch"
    path.write_bytes(gzip.compress(data[1:], 1) if data[:1] and data[0] & 1 else data[1:])
    try:
        with open_sdist(path, scratch) as project:
            assert project.resolve().is_relative_to(scratch.resolve())
    except UsageError as error:
        _assert_told(error)
    assert sorted(each.name for each in room.iterdir()) == ["demo-1.0.tar.gz", "scratch"]
    assert list(scratch.iterdir()) == []


def _elf(data: bytes, _room: Path) -> None:
    """An ELF file is read, or its trouble told."""
    header = elf_file("demo/_fast.so", data)
    if header is None:
        return
    binary = read_elf(io.BytesIO(data), header)
    assert binary.trouble is None or 0 < len(binary.trouble) <= LONGEST_MESSAGE


def _log(data: bytes, _room: Path) -> None:
    """A log is the same lines in whatever pieces it comes, with nothing in them that a terminal obeys."""
    for colour in (False, True):
        whole = tuple(sanitized_lines((data,), colour=colour))
        assert tuple(sanitized_lines(in_chunks(data, 7), colour=colour)) == whole
        bare = (line.replace("\x1b[", "") if colour else line for line in whole)
        assert all(len(line) < 3 * LONGEST_LINE for line in whole)
        assert not any(unicodedata.category(character) in _OBEYED for line in bare for character in line)
        assert all(neutralise(line) == line for line in whole)


def _cause(data: bytes, _room: Path) -> None:
    """Any output has an explanation."""
    around = Surroundings(files=ProjectFiles(names=("setup.py", "src/demo.c"), roots=(("/project", ""),)))
    for kind in (StepKind.BUILD, StepKind.REPAIR, StepKind.TEST):
        found = explain_output(data, kind, 1, around)
        assert len(found.cause.splitlines()) <= 1


def _results(data: bytes, _room: Path) -> None:
    """A JUnit file is read, and is the same once it is written by us; or it is none."""
    try:
        suites = read_suites(data)
    except NotJunit as error:
        _assert_told(error)
        return
    again = read_suites(junit_document(suites))
    assert [len(suite.cases) for suite in again] == [len(suite.cases) for suite in suites]


def _build_files(data: bytes, room: Path) -> None:
    """The files that configure a build are read, or refused line by line. The first byte: which of them."""
    names = ("pyproject.toml", "pyproject.toml", "setup.cfg", "setup.py")
    name = names[(data[0] if data else 0) % len(names)]
    room.joinpath("setup.py").write_bytes(b"")
    room.joinpath(name).write_bytes(data[1:])
    try:
        settings = load(room, environ={}, flags={})
    except ConfigError as error:
        _assert_told(error)
        return
    settings.for_cell(_CELL)


_SURVEYED = (
    *(
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "CMakeLists.txt",
        "meson.build",
        "src/demo.c",
        "tox.ini",
        "noxfile.py",
    ),
    *("tests/test_demo.py", "PKG-INFO", ".github/workflows/wheels.yml", "src/lib.pyx"),
)


def _survey(data: bytes, room: Path) -> None:
    """What a project's files tell is found, whatever they are. The first byte: which of them."""
    path = room / _SURVEYED[(data[0] if data else 0) % len(_SURVEYED)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data[1:])
    try:
        survey(room, {})
    except UsageError as error:
        _assert_told(error)


def _report(data: bytes, room: Path) -> None:
    """A report.json is rendered in every form, or refused."""
    _rendered(data, room / "report.json")


def _events(data: bytes, room: Path) -> None:
    """A recording of events is rendered in every form, and its cells are told; or it is refused."""
    _rendered(data, room / "events.jsonl")
    try:
        run = RecordedRun(room)
        run.overview()
        run.failed()
    except UsageError as error:
        _assert_told(error)


def _rendered(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    try:
        run = read_run(path)
    except UsageError as error:
        _assert_told(error)
        return
    for form in _FORMS:
        rendered(run, form)


def _statement(data: bytes, _room: Path) -> None:
    """A statement of provenance is read, told in a line and written; or it is none."""
    try:
        statement = read_statement(data)
    except NoStatement as error:
        _assert_told(error)
        return
    summary(statement)
    assert read_statement(write_statement(statement.masked(str))) == statement


def _matrix(data: bytes, _room: Path) -> None:
    """A document of `runner matrix` is an expectation, or refused."""
    try:
        document = read_document(data, "matrix.json")
    except UsageError as error:
        _assert_told(error)
        return
    expected = expectation(
        document.cells,
        (),
        has_sdist=document.sdist,
        project=document.project,
        version=document.project_version,
        packages=document.expected_packages,
    )
    assert expected.places
    assert all(map(Version, document.expected_versions))
    # Nothing that it names is expected of nobody.
    parts = [expected.of(package) for package in document.expected_packages] or [expected]
    assert sum(len(part.cells) for part in parts) == len(document.cells)


def _metadata(data: bytes, _room: Path) -> None:
    """Metadata are what an index takes, or there are objections that people can read; or they are too long."""
    try:
        found = [*objections(data), *refused_by_pypi(data)]
    except WheelRejected as error:
        _assert_told(error)
        return
    assert all(text.isprintable() for text in found)


def _entry(data: bytes, _room: Path) -> None:
    """The files of a cache entry are read, or taken for none. The input is their content, sealed or not."""
    content = unseal(data)
    for each in (data, content or b""):
        key = re.search(rb'"key":"([0-9a-f]+)"', each)
        read_record(each, key[1].decode() if key else "")
        inputs = cell_inputs.read(each)
        if inputs is not None:
            cell_inputs.key(inputs)
            cell_inputs.differences(inputs, inputs)


def _probe(data: bytes, _room: Path) -> None:
    """An image's answers are facts, whatever they are, and every question about them has an answer."""
    facts = parse_probe(data.decode("utf-8", "replace"))
    image = ResolvedImage(reference="image", id="sha256:0")
    probed = ProbedImage(
        reference="image", display_name="image", image=image, arch=Arch.X86_64, facts=facts, is_disposable=True
    )
    packing_python(probed)
    find_problem(_CELL, ("cp311-cp311",), facts, "image")
    for interpreter in facts.interpreters:
        assert interpreter.pip_release >= (0, 0)


def _bill(data: bytes, _room: Path) -> None:
    """A bill of materials lists names, or none."""
    read_bill((data,))


def _names(data: bytes, _room: Path) -> None:
    """A name is that of a wheel or an sdist, or rejected."""
    text = data.decode("utf-8", "replace")
    for parse in (parse_name, parse_sdist_name):
        _named(parse, text)


def _named(parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except WheelRejected as error:
        _assert_told(error)


READERS: Mapping[str, Reader] = {
    "wheel": Reader(contract=_wheel, seeds=seeds.wheels(), words=seeds.ZIP_WORDS),
    "wheel-texts": Reader(contract=_wheel_texts, seeds=seeds.wheel_texts(), words=seeds.METADATA_WORDS),
    "archive": Reader(contract=_archive, seeds=seeds.archives(), words=seeds.TAR_WORDS),
    "sdist": Reader(contract=_sdist, seeds=seeds.sdists(), words=seeds.TAR_WORDS + seeds.ZIP_WORDS),
    "elf": Reader(contract=_elf, seeds=seeds.elf_files(), words=seeds.ELF_WORDS),
    "log": Reader(contract=_log, seeds=seeds.logs(), words=seeds.LOG_WORDS),
    "cause": Reader(contract=_cause, seeds=seeds.logs(), words=seeds.LOG_WORDS),
    "results": Reader(contract=_results, seeds=seeds.results(), words=seeds.XML_WORDS),
    "build-files": Reader(contract=_build_files, seeds=seeds.build_files(), words=seeds.TOML_WORDS),
    "survey": Reader(contract=_survey, seeds=seeds.surveyed(), words=seeds.TOML_WORDS),
    "report": Reader(contract=_report, seeds=seeds.reports(), words=seeds.JSON_WORDS),
    "events": Reader(contract=_events, seeds=seeds.recordings(), words=seeds.JSON_WORDS),
    "statement": Reader(contract=_statement, seeds=seeds.statements(), words=seeds.JSON_WORDS),
    "matrix": Reader(contract=_matrix, seeds=seeds.matrices(), words=seeds.JSON_WORDS),
    "metadata": Reader(contract=_metadata, seeds=seeds.metadata(), words=seeds.METADATA_WORDS),
    "entry": Reader(contract=_entry, seeds=seeds.entries(), words=seeds.JSON_WORDS),
    "probe": Reader(contract=_probe, seeds=seeds.probes(), words=seeds.PROBE_WORDS),
    "bill": Reader(contract=_bill, seeds=seeds.bills(), words=seeds.JSON_WORDS),
    "names": Reader(contract=_names, seeds=seeds.names(), words=seeds.NAME_WORDS),
}
"""All readers by name. What is read by another of them, such as the names in an archive, has its own row all the same:
it is reached more often there."""
