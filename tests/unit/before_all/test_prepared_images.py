"""Images that `before-all` prepared: when one serves, when another is made, how an older one gets new source."""

import tarfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkouts import commit, repository, write
from fake_run import ORDERED, FakeRun, cell_of, what
from msgspec.structs import replace
from planning import settings_with

from matrix_runner.before_all.prepared_images import REPOSITORY
from matrix_runner.before_all.prepared_key import inputs_of, unmatched_patterns
from matrix_runner.before_all.source_update import Changes, changes_between, read_list, write_list
from matrix_runner.config.kinds.values import SourceFiles
from matrix_runner.config.options.build_options import BEFORE_ALL, ENVIRONMENT
from matrix_runner.config.options.cache_options import BEFORE_ALL_INPUTS, NO_CACHE
from matrix_runner.config.options.option import Option
from matrix_runner.container.project_volumes import LABEL_PROJECT
from matrix_runner.engine.api import PersistentKind
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeEngine, FakeHost, FakeResult
from matrix_runner.errors import ImageError
from matrix_runner.model.outcomes import Report, Status
from matrix_runner.project.source_archive import Digests, pack
from matrix_runner.project.source_files import SourceSelection
from matrix_runner.run import build

A, B, C = "cp39-manylinux_x86_64", "cp311-manylinux_x86_64", "cp313-manylinux_x86_64"
A32 = "cp39-manylinux_i686"
Values = dict[Option[object], object]


def run_of(directory: Path, *identifiers: str, **extra: object) -> FakeRun:
    """Return a run with a `before-all`; `extra`: other options, by the names of their constants."""
    options: dict[str, Option[object]] = {
        "inputs": BEFORE_ALL_INPUTS,
        "environment": ENVIRONMENT,
        "no_cache": NO_CACHE,
        "before_all": BEFORE_ALL,
    }
    values: Values = {BEFORE_ALL: ORDERED, **{options[name]: value for name, value in extra.items()}}
    return FakeRun(directory=directory, identifiers=identifiers, settings=settings_with(values))


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What a run did."""

    report: Report
    preparers: tuple[str, ...]
    built: tuple[FakeCall, ...]
    commands: tuple[tuple[str, ...], ...]

    @property
    def passed(self) -> bool:
        """Whether all cells did."""
        return all(each.status is Status.PASSED for each in self.report.outcomes)


class Machine:
    """A host on which one run follows another, of projects in their own directories."""

    def __init__(self, directory: Path) -> None:
        self.host = FakeHost()
        self.directory = directory
        self.runs = 0

    def run(self, fake: FakeRun, **files: str) -> Ran:
        """Run a build of a project that has these files, besides its pyproject.toml."""
        self.runs += 1
        name = f"run-{self.runs}"
        with fake.engine(self.host, name) as engine:
            request = fake.request(engine)
            request = replace(request, run=name, inputs=replace(request.inputs, output_dir=self.directory / name))
            for path in request.inputs.project.iterdir():
                if path.name != "pyproject.toml":
                    path.unlink()
            for file, text in files.items():
                (request.inputs.project / file).write_text(text)
            report = build(request)
            return Ran(
                report=report,
                preparers=tuple(str(cell_of(call)) for call in engine.commands if what(call) == "before-all"),
                built=tuple(call for call in engine.commands if what(call) == "build"),
                commands=tuple(call.request.argv for call in engine.commands),
            )

    def images(self) -> list[str]:
        """Return the prepared images that are kept."""
        with closing(FakeEngine(host=self.host, run="look")) as engine:
            return [kept.name for kept in engine.persistent_items() if kept.kind is PersistentKind.IMAGE]


def left_by_before_all(call: FakeCall) -> FakeResult | None:
    """Let `before-all` write into the project, and change a file of it."""
    if what(call) != "before-all":
        return None
    return FakeResult(files=(("/project/generated", b"by before-all"), ("/project/patched", b"patched")))


def test_the_next_run_starts_from_the_prepared_image(tmp_path: Path) -> None:
    """`before-all` is run once for an image in all runs; every cell has what it left, and the user is told."""
    machine, fake = Machine(tmp_path), run_of(tmp_path, A, B, A32)
    fake.override = left_by_before_all
    first = machine.run(fake, patched="as it was")
    assert (first.passed, len(first.preparers)) == (True, 2)
    (name, other) = machine.images()
    assert name.startswith(f"{REPOSITORY}:")
    again = run_of(tmp_path, A, B, C, A32)
    second = machine.run(again, patched="as it was")
    assert (second.passed, second.preparers) == (True, ())
    assert {call.files["/project/generated"] for call in second.built} == {b"by before-all"}
    assert {call.files["/project/patched"] for call in second.built} == {b"patched"}
    assert sum("before-all is not run for" in notice for notice in again.recorder.notices()) == 2
    assert machine.images() == [name, other]


@pytest.mark.parametrize(
    "changed",
    [
        {"before_all": f"{ORDERED} more"},
        {"environment": (("NEW", "1"),)},
        {"inputs": ("pyproject.toml", "a")},
    ],
)
def test_what_before_all_depends_on_decides(tmp_path: Path, changed: dict[str, object]) -> None:
    """Another command, environment or input is another image; the former stays for those who go back."""
    machine = Machine(tmp_path)
    machine.run(run_of(tmp_path, A), a="1")
    assert machine.run(run_of(tmp_path, A, **changed), a="2").preparers == (A,)
    assert len(machine.images()) == 2
    assert machine.run(run_of(tmp_path, A), a="1").preparers == ()


def test_by_default_every_file_counts(tmp_path: Path) -> None:
    """A file that changes, comes or goes makes `before-all` run again."""
    machine = Machine(tmp_path)
    preparers = [len(machine.run(run_of(tmp_path, A), **files).preparers) for files in _EDITS]
    assert preparers == [1, 0, 1, 1, 1]


_EDITS: tuple[dict[str, str], ...] = ({"a": "1"}, {"a": "1"}, {"a": "2"}, {"a": "2", "b": ""}, {"b": ""})


def test_with_inputs_only_these_files_count(tmp_path: Path) -> None:
    """Other files may change: cells start from the image and get what is new; what is gone is removed there."""
    machine = Machine(tmp_path)
    inputs = {"inputs": ("*.txt",)}
    first = run_of(tmp_path, A, **inputs)
    first.override = left_by_before_all
    assert machine.run(first, **{"x.txt": "1", "a": "1", "patched": "as it was", "gone": ""}).preparers == (A,)
    second = machine.run(run_of(tmp_path, A, B, **inputs), **{"x.txt": "1", "a": "2", "patched": "as it was"})
    assert (second.passed, second.preparers) == (True, ())
    for call in second.built:
        assert call.files["/project/a"] == b"2"
        assert call.files["/project/patched"] == b"patched"
        assert call.files["/project/generated"] == b"by before-all"
        assert call.files["/matrix/gone"] == b"gone\0"
    assert sum("xargs -0 rm" in " ".join(argv) for argv in second.commands) == 2
    third = machine.run(run_of(tmp_path, A, **inputs), **{"x.txt": "2", "a": "2"})
    assert third.preparers == (A,)


def test_a_pattern_that_matches_nothing_is_told(tmp_path: Path) -> None:
    """It may be a slip of the pen, and then `before-all` would not be run when it should."""
    fake = run_of(tmp_path, A, inputs=("ci/**", "pyproject.toml", "!x"))
    Machine(tmp_path).run(fake)
    assert [text for text in fake.recorder.notices() if "matches no file" in text] == [
        "before-all-inputs: ci/** matches no file of the project"
    ]


def test_projects_never_share(tmp_path: Path) -> None:
    """Two directories with the same files prepare for themselves, and their volumes have other names."""
    machine = Machine(tmp_path)
    names = []
    for project in ("one", "two"):
        (tmp_path / project).mkdir()
        ran = machine.run(run_of(tmp_path / project, A))
        assert ran.preparers == (A,)
        names.append({volume.name for call in ran.built for volume in call.spec.volumes})
    assert names[0].isdisjoint(names[1])
    with closing(FakeEngine(host=machine.host, run="look")) as engine:
        paths = {dict(kept.labels)[LABEL_PROJECT] for kept in engine.persistent_items()}
    assert paths == {str(tmp_path / "one" / "project"), str(tmp_path / "two" / "project")}


def test_without_the_cache_nothing_is_taken_or_left(tmp_path: Path) -> None:
    """`no-cache`: before-all is run although an image is there; nothing is kept, neither image nor volume."""
    machine = Machine(tmp_path)
    assert machine.run(run_of(tmp_path, A, B, no_cache=True)).preparers in {(A,), (B,)}
    assert (machine.images(), machine.host.volumes) == ([], {})
    machine.run(run_of(tmp_path, A))
    before = (machine.images(), set(machine.host.volumes))
    assert len(machine.run(run_of(tmp_path, A, no_cache=True)).preparers) == 1
    assert (machine.images(), set(machine.host.volumes)) == before


def test_an_image_that_cannot_be_opened_is_made_anew(tmp_path: Path) -> None:
    """One that is damaged costs a new `before-all`, never a wheel: one cell runs it, all pass."""
    machine = Machine(tmp_path)
    machine.run(run_of(tmp_path, A))
    (name,) = machine.images()
    damaged = machine.host.images[name][0].id
    fake = run_of(tmp_path, A, B, C)
    fake.faults = replace(
        fake.faults, on_open=lambda spec: ImageError("no such layer") if spec.image == damaged else None
    )
    ran = machine.run(fake)
    assert (ran.passed, len(ran.preparers)) == (True, 1)
    assert any("in an earlier run cannot be used: no such layer" in text for text in fake.recorder.notices())
    assert machine.images() == [name]
    assert machine.host.images[name][0].id != damaged


def test_an_image_without_its_list_is_made_anew(tmp_path: Path) -> None:
    """Where it cannot be known which files are in it, it is not used: none of before may linger."""
    machine = Machine(tmp_path)
    inputs = {"inputs": ("*.txt",)}
    machine.run(run_of(tmp_path, A, **inputs), **{"x.txt": "", "a": "1"})
    (name,) = machine.images()
    del machine.host.images[name][1]["/matrix/source-list"]
    ran = machine.run(run_of(tmp_path, A, **inputs), **{"x.txt": "", "a": "2"})
    assert (ran.passed, ran.preparers) == (True, (A,))


def test_only_the_latest_images_stay(tmp_path: Path) -> None:
    """However often the source changes, only a few images of a project are there, this run's among them."""
    machine = Machine(tmp_path)
    for number in range(8):
        machine.run(run_of(tmp_path, A), a=str(number))
    assert len(machine.images()) == 4
    assert machine.run(run_of(tmp_path, A), a="7").preparers == ()


def digests(**files: str) -> Digests:
    """Return what is known of files; `__` in a name stands for a slash."""
    return tuple(sorted((name.replace("__", "/"), digest) for name, digest in files.items()))


@pytest.mark.parametrize(
    ("before", "now", "changes"),
    [
        (digests(a="1"), digests(a="1"), ((), (), set())),
        (digests(a="1"), digests(a="2", b="1"), ((), (), {"a", "b"})),
        (digests(a="1", b="1"), digests(a="1"), (("b",), (), set())),
        (digests(d__e__f="1", d__g="1"), digests(d__g="1"), (("d/e/f",), ("d/e", "d"), set())),
        (digests(d__f="1"), digests(d="1"), (("d", "d/f"), (), {"d"})),
        (digests(a__d="directory"), digests(a__d__f="1"), ((), ("a/d", "a"), {"a/d/f"})),
        (digests(d="1"), digests(d__f="1"), (("d",), (), {"d/f"})),
    ],
)
def test_what_is_to_be_done_for_todays_source(
    before: Digests, now: Digests, changes: tuple[tuple[str, ...], tuple[str, ...], set[str]]
) -> None:
    """What is gone is removed first, also where a file takes a directory's place; only what differs is put."""
    gone, empty, changed = changes
    assert changes_between(before, now) == Changes(gone=gone, empty=empty, changed=frozenset(changed))


def test_git_is_replaced_as_a_whole() -> None:
    """Of `.git` only one digest is known: if it changed, all of it goes and comes again."""
    for name in (".git", "vendor/library/.git"):
        changes = changes_between((("a", "1"), (name, "1")), ((name, "2"), ("a", "1")))
        assert changes == Changes(gone=(name,), empty=(), changed=frozenset({name}))


def test_names_in_the_archive_are_those_of_the_repository(tmp_path: Path) -> None:
    """Below its repository's top, a project's files are removed and put at their place in it; `.git` is at the top."""
    project = commit(write(repository(tmp_path / "top"), python__a_py="a", python__b_py="b"), "fourth") / "python"
    source = pack(SourceSelection(project=project, environ={}, files=SourceFiles.ALL), tmp_path / "all.tar")
    changes = changes_between((("a.py", "1"), ("gone/x.py", "1"), (".git", "1"), ("b.py", "same")), source.digests)
    assert changes.gone_in(source.prefix) == (".git", "python/gone/x.py")
    assert changes.empty_in(source.prefix) == ("python/gone",)
    (tmp_path / "part.tar").write_bytes(b"".join(replace(changes, changed=frozenset({".git", "a.py"})).archive(source)))
    with tarfile.open(tmp_path / "part.tar") as tar:
        names = {member.name for member in tar}
    assert {"python/a.py", ".git/HEAD", ".git/index"} <= names
    assert "python/b.py" not in names
    times = replace(changes, changed=frozenset({".git", "a.py"})).times(source)
    assert [name for found in times.values() for name in found] == ["python/b.py"]


def test_the_archive_of_changes_has_them_whole(tmp_path: Path) -> None:
    """Long names, links, modes and contents come through as they are in the tar of all; nothing else does."""
    project = tmp_path / "project"
    (project / "deep").mkdir(parents=True)
    long = "n" * 180
    (project / "deep" / long).write_bytes(b"x" * 3000)
    (project / "kept").write_text("kept")
    (project / "run.sh").write_text("#!/bin/sh\n")
    (project / "run.sh").chmod(0o755)
    (project / "link").symlink_to("kept")
    source = pack(SourceSelection(project=project, environ={}), tmp_path / "all.tar")
    wanted = frozenset({f"deep/{long}", "run.sh", "link"})
    part = tmp_path / "part.tar"
    part.write_bytes(b"".join(Changes(gone=(), empty=(), changed=wanted).archive(source)))
    with tarfile.open(source.path) as whole, tarfile.open(part) as tar:
        assert {member.name for member in tar} == wanted
        for name in wanted:
            one, other = tar.getmember(name), whole.getmember(name)
            assert (one.type, one.mode, one.size, one.mtime) == (other.type, other.mode, other.size, other.mtime)
        file = tar.extractfile(f"deep/{long}")
        assert file is not None
        assert file.read() == b"x" * 3000


def test_a_list_of_files_comes_back_as_it_was_written() -> None:
    """Whatever bytes names have; half of a list, or something else, is none."""
    listed = digests(a="1 executable", **{"b\udcff": "2", "with space": "3"})
    data = write_list(listed)
    assert read_list(data) == listed
    assert [read_list(data[:-1]), read_list(b""), read_list(b"\xff\0")] == [None] * 3


def test_inputs_are_patterns_of_gitignore() -> None:
    """Directories with all that is in them, any depth, and exceptions; none at all stand for all files."""
    files = digests(ci__a__b="1", ci__c="2", src__ci__d="3", x="4")
    assert inputs_of(files, ()) == files
    assert inputs_of(files, ("/ci/", "!ci/c")) == inputs_of(files, ("ci/**", "!ci/c"))
    assert [name for name, _ in inputs_of(files, ("ci/",))] == ["ci/a/b", "ci/c", "src/ci/d"]
    assert unmatched_patterns(files, ("ci/", "nothing", "!ci/c")) == ("nothing",)
