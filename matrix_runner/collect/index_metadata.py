"""What a package index would object to in the metadata of a wheel: core metadata, as `packaging` validates them. Pure.

PyPI validates uploads by the same library (warehouse, `forklift/metadata.py`), and so does `twine check`.
"""

from collections.abc import Iterator
from typing import Final

from packaging import metadata

from matrix_runner.config.mistakes import printable
from matrix_runner.wheelhouse.dist_info import parse_headers

_MOST_FIELDS: Final = 200
"""Fields with different names. `packaging` looks for each among all headers; the specification has forty."""


def objections(data: bytes) -> Iterator[str]:
    """Yield what is wrong with METADATA, a clause each. Raise WheelRejected if it is too long to be looked at."""
    headers = parse_headers(data, "METADATA")
    names = {name.lower() for name in headers}
    if len(names) > _MOST_FIELDS:
        yield f"METADATA has {len(names)} fields of different names"
        return
    raw, unparsed = metadata.parse_email(data)
    for name in sorted(unparsed):
        yield f"METADATA has the field {printable(name)}, which is unknown, or has no such value, or is there twice"
    try:
        metadata.Metadata.from_raw(raw, validate=True)
    except metadata.ExceptionGroup as group:
        for each in group.exceptions:
            yield f"METADATA: {printable(str(each))}"
    except ValueError as error:
        yield f"METADATA: {printable(str(error))}"
