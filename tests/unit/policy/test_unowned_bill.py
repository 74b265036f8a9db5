"""The bill of materials of grafted libraries without an owner: valid, complete, the same each time; who is in it."""

import hashlib
import json
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from elf_builder import SharedObject
from wheel_builder import X86_64, build_wheel

from matrix_runner.catalog.policies import load_policies
from matrix_runner.model.platforms import Arch
from matrix_runner.policy import analyse, read_wheel
from matrix_runner.policy.sboms import NO_BILL, has_path, origin_name, read_bill, without_entry
from matrix_runner.policy.unowned_bill import GraftedFile, unowned_bill

MINE, THEIRS = "demo.libs/libmine-1a2b3c4d.so.1", "demo.libs/libtheirs+plus-0f0f0f0f.so.2.1"


def document(tmp_path: Path) -> bytes:
    """Return the document of a wheel with two libraries."""
    wheel = read_wheel(build_wheel(tmp_path, X86_64, files={path: SharedObject().build() for path in (MINE, THEIRS)}))
    files = [
        GraftedFile(path=THEIRS, sha256="b" * 64, soname=None),
        GraftedFile(path=MINE, sha256="a" * 64, soname="libmine-1a2b3c4d.so.1"),
    ]
    assert unowned_bill(wheel, files) == unowned_bill(wheel, files[::-1])
    return unowned_bill(wheel, files)


def test_it_is_valid(tmp_path: Path) -> None:
    """By the published schema of its version."""
    data = document(tmp_path)
    assert JsonStrictValidator(SchemaVersion.V1_4).validate_str(data.decode()) is None
    assert JsonStrictValidator(SchemaVersion.V1_4).validate_str(data.decode().replace("SHA-256", "SHA")) is not None


def test_it_says_which_file_it_is_and_that_its_owner_is_unknown(tmp_path: Path) -> None:
    """Name before the repair, file in the wheel, digest, soname; no version that nobody knows."""
    first, second = json.loads(document(tmp_path))["components"]
    properties = {each["name"]: each["value"] for each in first["properties"]}
    assert (first["name"], "version" in first) == ("libmine.so.1", False)
    assert first["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert properties == {
        "matrix-runner:path": MINE,
        "matrix-runner:owner": "unknown",
        "matrix-runner:soname": "libmine-1a2b3c4d.so.1",
    }
    assert second["name"] == "libtheirs+plus.so.2.1"


def test_inspect_then_finds_them_listed(tmp_path: Path) -> None:
    """The document closes the gap that `runner inspect` tells of."""
    libraries = {path: SharedObject().build() for path in (MINE, THEIRS)}
    listed = {"demo-1.0.dist-info/sboms/matrix-runner.cdx.json": document(tmp_path)}
    wheel = build_wheel(tmp_path, X86_64, files={**libraries, **listed})
    assert analyse(read_wheel(wheel), load_policies()).unlisted == ()


def test_who_has_no_entry() -> None:
    """Neither by name nor by the digest of a usual path; a path that was found tells more."""
    digest = hashlib.sha256(b"/opt/vendor/libmine.so.1").hexdigest()
    bill = read_bill([json.dumps({"components": [{"name": "vendor", "bom-ref": f"pkg:rpm/v@1#{digest}"}]}).encode()])
    assert without_entry((THEIRS, MINE), bill, Arch.X86_64) == (MINE, THEIRS)
    assert without_entry((THEIRS, MINE), NO_BILL, Arch.X86_64) == (MINE, THEIRS)
    assert has_path(bill, f"/opt/vendor/{origin_name(MINE)}")
    assert not has_path(bill, f"/opt/{origin_name(MINE)}")
