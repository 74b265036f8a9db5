"""Bills of materials in a wheel, and what repair grafted without listing it."""

import hashlib
import json
from pathlib import Path

import pytest
from elf_builder import SharedObject
from wheel_builder import DIST_INFO, X86_64, build_wheel

from matrix_runner.catalog.policies import load_policies
from matrix_runner.model.platforms import Arch
from matrix_runner.policy import analyse, describe, read_wheel, wheel_reading
from matrix_runner.policy.inspection_json import inspection_document
from matrix_runner.policy.sboms import read_bill, unlisted

PNG, BZ2 = "demo.libs/libpng16-1a2b3c4d.so.16.39.0", "demo.libs/libbz2-0f0f0f0f.so.1.0.4"


def auditwheels(*paths: str) -> bytes:
    """Return a document as auditwheel writes it: a component for each library, by the path where it was found."""
    components = [
        {"name": "package", "bom-ref": f"pkg:deb/debian/package@1#{hashlib.sha256(path.encode()).hexdigest()}"}
        for path in paths
    ]
    return json.dumps({"bomFormat": "CycloneDX", "components": components}).encode()


@pytest.mark.parametrize(
    ("documents", "rest"),
    [
        ([auditwheels("/usr/lib/x86_64-linux-gnu/libpng16.so.16.39.0")], (BZ2,)),
        ([auditwheels("/usr/lib64/libpng16.so.16.39.0", "/lib64/libbz2.so.1.0.4")], ()),
        ([auditwheels("/usr/lib64/libpng16.so.16.39.0", "/opt/vendor/libbz2.so.1.0.4")], ()),
        ([auditwheels("/opt/vendor/libpng16.so.16.39.0")], (BZ2, PNG)),
        ([auditwheels()], (BZ2, PNG)),
        ([b'{"components": [{"name": "libbz2"}, {"name": "libpng16.so.16.39.0"}]}'], ()),
        ([b'{"files": [{"fileName": "./demo.libs/libbz2-0f0f0f0f.so.1.0.4"}]}', b"not JSON"], (PNG,)),
        ([b"[" * 100_000], (BZ2, PNG)),
    ],
)
def test_what_no_document_lists(documents: list[bytes], rest: tuple[str, ...]) -> None:
    """By the digest of its path in the image, or by name; one digest of an unknown place may be any library's."""
    assert unlisted((PNG, BZ2), read_bill(documents), Arch.X86_64) == rest


def test_inspect_says_it(tmp_path: Path) -> None:
    """Of a wheel with such a document; one without has none to be incomplete."""
    libraries = {PNG: SharedObject().build(), BZ2: SharedObject().build()}
    listed = {f"{DIST_INFO}/sboms/auditwheel.cdx.json": auditwheels("/usr/lib64/libpng16.so.16.39.0")}
    with_one = analyse(read_wheel(build_wheel(tmp_path, X86_64, files={**libraries, **listed})), load_policies())
    (said,) = (line for line in describe(with_one, (), verbose=False) if line.label == "not listed")
    assert said.text == "libbz2-0f0f0f0f.so.1.0.4: grafted, and not in its SBOM"
    without = analyse(read_wheel(build_wheel(tmp_path, X86_64, files=libraries)), load_policies())
    assert not [line for line in describe(without, (), verbose=False) if line.label == "not listed"]
    assert [line.is_warning for line in describe(without, (), verbose=True) if line.label == "not listed"] == [False]


def test_inspect_lists_the_documents(tmp_path: Path) -> None:
    """Each by its path in the wheel: in detail for people, and for machines."""
    path = f"{DIST_INFO}/sboms/own.cdx.json"
    analysis = analyse(read_wheel(build_wheel(tmp_path, X86_64, files={path: b"{}"})), load_policies())
    assert [line.text for line in describe(analysis, (), verbose=True) if line.label == "SBOM"] == [path]
    assert not [line for line in describe(analysis, (), verbose=False) if line.label == "SBOM"]
    assert inspection_document(analysis, ())["sboms"] == [path]


def test_so_many_bytes_of_documents_are_read(tmp_path: Path) -> None:
    """In their order, up to a limit for all of them together."""
    names = ("a", "b", "c")
    size = wheel_reading._SBOM_LIMIT // 2
    files = {}
    for name in names:
        start = f'{{"components": [{{"name": "{name}"}}]}}'.encode()
        files[f"{DIST_INFO}/sboms/{name}.json"] = start + b" " * (size - len(start))
    bill = read_wheel(build_wheel(tmp_path, files=files)).bill
    assert bill is not None
    assert bill.names == {"a", "b"}
