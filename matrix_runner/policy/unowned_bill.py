"""A bill of materials of grafted libraries that no package is known to own (CycloneDX 1.4, PEP 770). Pure.

auditwheel's own lists the packages that the libraries came from; a library that was built by hand is of none, and is
left out there. This one says that it is in the wheel, which file it is, and that its origin is not known.
"""

import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import msgspec

from matrix_runner import __version__
from matrix_runner.policy.sboms import origin_name
from matrix_runner.policy.wheel_reading import WheelAnatomy

UNOWNED_BILL: Final = "matrix-runner.cdx.json"
"""The name of the document."""

_WHY: Final = "Copied into the wheel by repair. No package of the image is known to own it: its version is not known."


class GraftedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A grafted library. `path`: in the wheel; `sha256`: of the file there, which repair has changed."""

    path: str
    sha256: str
    soname: str | None


def unowned_bill(wheel: WheelAnatomy, unowned: Sequence[GraftedFile]) -> bytes:
    """Return the document for a wheel: equal wheels, equal bytes."""
    contents = wheel.contents
    purl = (
        f"pkg:pypi/{quote(contents.name)}@{quote(str(contents.version), safe='')}"
        f"?file_name={quote(contents.filename, safe='')}"
    )
    own = {
        "type": "library",
        "bom-ref": purl,
        "name": contents.name,
        "version": str(contents.version),
        "purl": purl,
    }
    components = [_component(each) for each in sorted(unowned, key=lambda each: each.path)]
    references = [str(each["bom-ref"]) for each in components]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.4",
        "version": 1,
        "metadata": {"component": own, "tools": [{"name": "matrix-runner", "version": __version__}]},
        "components": components,
        "dependencies": [{"ref": purl, "dependsOn": references}, *({"ref": each} for each in references)],
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def _component(file: GraftedFile) -> dict[str, object]:
    properties = [("path", file.path), ("owner", "unknown")]
    if file.soname is not None:
        properties.append(("soname", file.soname))
    return {
        "type": "library",
        "bom-ref": f"file:{quote(file.path)}",
        "name": origin_name(file.path),
        "description": _WHY,
        "hashes": [{"alg": "SHA-256", "content": file.sha256}],
        "properties": [{"name": f"matrix-runner:{name}", "value": value} for name, value in properties],
    }
