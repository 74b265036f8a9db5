"""Grafted libraries without an owner, in whole fake runs: which wheels get a document, and what is in it."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest
from elf_builder import SharedObject
from fake_run import FakeRun, outcome, probe_answer, what
from msgspec.structs import replace
from planning import elf_header, settings_with
from wheel_builder import SUFFIX_X86_64, build_wheel

from matrix_runner.config.options.build_options import REPAIR_WHEEL_COMMAND
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.wheel_options import UNOWNED_SBOM
from matrix_runner.engine.api import Ending
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeResult
from matrix_runner.model.outcomes import Status
from matrix_runner.model.platforms import Arch

CELL = "cp311-manylinux_x86_64"
NAME = "demo-1.0-cp311-cp311-manylinux_2_31_x86_64.whl"
MINE = "demo.libs/libmine-1a2b3c4d.so.1"
BILLS = "demo-1.0.dist-info/sboms"


def auditwheels(*places: str) -> bytes:
    """Return a document as auditwheel writes it of libraries at these places."""
    digests = (hashlib.sha256(place.encode()).hexdigest() for place in places)
    return json.dumps(
        {"components": [{"name": "p", "bom-ref": f"pkg:rpm/p@1#{digest}"} for digest in digests]}
    ).encode()


@dataclass(kw_only=True, slots=True)
class Grafting:
    """A run of one cell whose repair grafts libraries. `found`: what `find` prints in the container."""

    directory: Path
    files: Mapping[str, bytes]
    auditwheel: str = "auditwheel 6.8.2"
    found: str = ""
    ending: Ending = Ending.EXITED
    values: Mapping[Option[object], object] = field(default_factory=dict)
    inserted: list[bytes] = field(default_factory=list)
    searched: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, *, is_drop_in: bool = False) -> Status:
        """Run the cell; return how it ended."""
        settings = replace(settings_with(self.values), is_drop_in=is_drop_in)
        fake = FakeRun(directory=self.directory, identifiers=(CELL,), settings=settings, override=self.answer)
        return outcome(fake.run(), CELL).status

    def answer(self, call: FakeCall) -> FakeResult | None:
        """Answer for the image, the repair, the search, and the insertion."""
        argv = call.request.argv
        if what(call) == "probe":
            return FakeResult(output=(probe_answer(call).replace("auditwheel 1.0", self.auditwheel).encode(),))
        if what(call) == "repair" or "own-repair" in " ".join(argv[2:3]):
            return FakeResult(files=((f"/matrix/repaired/{NAME}", self.wheel()),))
        if "exec find /" in " ".join(argv[2:3]):
            self.searched.append(argv[4:])
            return FakeResult(output=(self.found.encode(),), status=1, ending=self.ending)
        if argv[-1].endswith("/matrix/bills/matrix-runner.cdx.json"):
            self.inserted.append(call.files["/matrix/bills/matrix-runner.cdx.json"])
            content = self.wheel(**{f"{BILLS}/matrix-runner.cdx.json": self.inserted[-1]})
            return FakeResult(files=((f"/matrix/repaired/{NAME}", content),))
        return None

    def wheel(self, **more: bytes) -> bytes:
        """Return the repaired wheel."""
        place = self.directory / "made"
        place.mkdir(exist_ok=True)
        module = {f"demo/_fast{SUFFIX_X86_64}": None, "demo/_fast.so": elf_header(Arch.X86_64) + bytes(44)}
        return build_wheel(place, NAME, files={**module, **self.files, **more}).read_bytes()


def listed(data: bytes) -> dict[str, str]:
    """Return the components of a document: name and digest."""
    return {each["name"]: each["hashes"][0]["content"] for each in json.loads(data)["components"]}


LIBRARY = SharedObject(soname="libmine-1a2b3c4d.so.1").build()
OTHER = "demo.libs/libother-0f0f0f0f.so.2"


def test_a_library_of_no_package_is_listed_in_the_published_wheel(tmp_path: Path) -> None:
    """With the digest of the file that is in it; beside auditwheel's document, whose libraries are left out."""
    files = {MINE: LIBRARY, OTHER: LIBRARY, f"{BILLS}/auditwheel.cdx.json": auditwheels("/usr/lib64/libother.so.2")}
    run = Grafting(directory=tmp_path, files=files)
    assert run.run() is Status.PASSED
    (document,) = run.inserted
    assert listed(document) == {"libmine.so.1": hashlib.sha256(LIBRARY).hexdigest()}
    published = (tmp_path / "wheelhouse" / NAME).read_bytes()
    with zipfile.ZipFile(BytesIO(published)) as archive:
        assert archive.read(f"{BILLS}/matrix-runner.cdx.json") == document


def test_a_library_at_an_unusual_place_is_looked_for(tmp_path: Path) -> None:
    """Auditwheel lists it by the digest of its path: one that is found there has an owner, and no other."""
    files = {MINE: LIBRARY, OTHER: LIBRARY, f"{BILLS}/auditwheel.cdx.json": auditwheels("/opt/v/libother.so.2")}
    run = Grafting(directory=tmp_path, files=files, found="/opt/v/libother.so.2\n/opt/helper/libmine.so.1\n")
    assert run.run() is Status.PASSED
    ((own, *words),) = run.searched
    assert own == "/matrix"
    assert words == ["-name", "libmine.so.1", "-o", "-name", "libother.so.2"]
    assert set(listed(run.inserted[0])) == {"libmine.so.1"}


def test_a_search_without_end_says_nothing(tmp_path: Path) -> None:
    """Rather than that a library has no owner which has one."""
    files = {MINE: LIBRARY, f"{BILLS}/auditwheel.cdx.json": auditwheels("/opt/v/libmine.so.1")}
    run = Grafting(directory=tmp_path, files=files, ending=Ending.TIMED_OUT)
    assert run.run() is Status.PASSED
    assert run.searched
    assert not run.inserted


def test_all_of_them_without_any_document(tmp_path: Path) -> None:
    """Where auditwheel found no owner at all it writes none; nothing need be looked for then."""
    run = Grafting(directory=tmp_path, files={MINE: LIBRARY, OTHER: LIBRARY})
    assert run.run() is Status.PASSED
    assert set(listed(run.inserted[0])) == {"libmine.so.1", "libother.so.2"}
    assert not run.searched


@pytest.mark.parametrize(
    ("files", "auditwheel", "values"),
    [
        ({}, "auditwheel 6.8.2", {}),
        ({MINE: LIBRARY}, "auditwheel 6.4.2", {}),
        ({MINE: LIBRARY}, "auditwheel of unknown version", {}),
        ({MINE: LIBRARY}, "auditwheel 6.8.2", {UNOWNED_SBOM: False}),
        ({MINE: LIBRARY, f"{BILLS}/auditwheel.cdx.json": auditwheels("/usr/lib64/libmine.so.1")}, "auditwheel 6.8", {}),
        ({MINE: LIBRARY, f"{BILLS}/own.cdx.json": b'{"components": [{"name": "libmine"}]}'}, "auditwheel 6.8", {}),
    ],
)
def test_other_wheels_stay_as_they_are(
    tmp_path: Path, files: Mapping[str, bytes], auditwheel: str, values: Mapping[Option[object], object]
) -> None:
    """Without such libraries, without the wish, with an auditwheel that asks for no owners."""
    run = Grafting(directory=tmp_path, files=files, auditwheel=auditwheel, values=values)
    assert run.run() is Status.PASSED
    assert not run.inserted


def test_with_cibuildwheels_table_wheels_stay_as_its_own_are(tmp_path: Path) -> None:
    """The option has no effect."""
    run = Grafting(directory=tmp_path, files={MINE: LIBRARY})
    assert run.run(is_drop_in=True) is Status.PASSED
    assert not run.inserted


def test_a_repair_without_auditwheel_has_asked_nobody(tmp_path: Path) -> None:
    """So nothing can be said of owners."""
    values: dict[Option[object], object] = {REPAIR_WHEEL_COMMAND: "own-repair {wheel} {dest_dir}"}
    run = Grafting(directory=tmp_path, files={MINE: LIBRARY}, values=values)
    assert run.run() is Status.PASSED
    assert not run.inserted
