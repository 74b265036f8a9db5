"""A wheel without its files, by whose metadata an installer fetches what the wheel requires.

The container that has a network gets nothing else of what the project's code has made: an installed file can be code
that the next Python runs (`.pth`), and a requirement can name an address to send something to.
"""

import io
import zipfile
from collections.abc import Iterable
from email.parser import BytesHeaderParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from matrix_runner.errors import WheelRejected

_FIELDS = ("Metadata-Version", "Name", "Version", "Requires-Python", "Provides-Extra", "Requires-Dist")
"""What an installer needs; written anew, as it might read another header than was looked at here."""


def wheel_stub(wheel: Path) -> bytes:
    """Return the stub of a wheel that has been verified. Raise WheelRejected for a requirement that is no name."""
    with zipfile.ZipFile(wheel) as archive:
        found = (name.split("/") for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        folder = next(parts[0] for parts in found if len(parts) == 2)
        metadata = BytesHeaderParser().parsebytes(archive.read(f"{folder}/METADATA"))
        tags = archive.read(f"{folder}/WHEEL")
    fields = [(name, " ".join(str(value).split())) for name in _FIELDS for value in metadata.get_all(name, [])]
    require_names((value for name, value in fields if name == "Requires-Dist"), "the wheel")
    files = {
        f"{folder}/METADATA": "".join(f"{name}: {value}\n" for name, value in fields).encode("utf-8", "replace"),
        f"{folder}/WHEEL": tags,
    }
    record = f"{folder}/RECORD"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as stub:
        for name, data in files.items():
            stub.writestr(name, data)
        stub.writestr(record, "".join(f"{name},,\n" for name in (*files, record)))
    return packed.getvalue()


def require_names(requirements: Iterable[str], by: str) -> None:
    """Raise WheelRejected for a requirement that is not by name, from the index. `by`: who has it."""
    for text in requirements:
        try:
            # A line break would be a further line of pip's file of requirements, such as an option.
            is_name = Requirement(text).url is None and text.isprintable()
        except (InvalidRequirement, RecursionError):
            is_name = False
        if not is_name:
            raise WheelRejected(
                f"{by} requires {text[:200]}: code without a network may ask for packages by name only",
                hint='name it in `build-system.requires` or in `test-requires`, or set network = "all"',
            )
