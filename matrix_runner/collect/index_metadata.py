"""What a package index would object to in the metadata of a wheel: core metadata, as `packaging` validates them. Pure.

PyPI validates uploads by the same library (warehouse, `forklift/metadata.py`), and so does `twine check`.
"""

from collections.abc import Iterator
from typing import Final

from packaging import metadata

from matrix_runner.config.mistakes import printable
from matrix_runner.errors import WheelRejected
from matrix_runner.wheelhouse.dist_info import parse_headers

_MOST_FIELDS: Final = 200
"""Fields with different names. `packaging` looks for each among all headers; the specification has forty."""

_LONGEST_SHOWN: Final = 300
"""Characters of a value that a message shows."""

_LONGEST_SUMMARY: Final = 512
_LONGEST_LABEL: Final = 32
"""Characters of a summary, and of the label of a URL (warehouse)."""


def objections(data: bytes) -> Iterator[str]:
    """Yield what is wrong with METADATA, a clause each. Raise WheelRejected if it is too long to be looked at."""
    headers = parse_headers(data, "METADATA")
    names = {name.lower() for name in headers}
    if len(names) > _MOST_FIELDS:
        yield f"METADATA has {len(names)} fields of different names"
        return
    raw, unparsed = metadata.parse_email(data)
    for name in sorted(unparsed):
        yield f"METADATA has the field {_shown(name)}, which is unknown, or has no such value, or is there twice"
    try:
        metadata.Metadata.from_raw(raw, validate=True)
    except metadata.ExceptionGroup as group:
        for each in group.exceptions:
            yield f"METADATA: {_shown(str(each))}"
    except ValueError as error:
        yield f"METADATA: {_shown(str(error))}"


def _shown(text: str) -> str:
    """Return what a message shows of a text that may have any length."""
    shown = printable(text[: 2 * _LONGEST_SHOWN])
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."


def refused_by_pypi(data: bytes) -> Iterator[str]:
    """Yield what PyPI refuses in METADATA beyond the specification, a noun each; other indexes may take it.

    Of METADATA that are not valid, nothing.
    """
    try:
        if any(objections(data)):
            return
        found = metadata.Metadata.from_email(data, validate=True)
    except WheelRejected:
        return
    if found.version.local:
        yield f"the local version {found.version}"
    if len(found.summary or "") > _LONGEST_SUMMARY:
        yield f"a summary of more than {_LONGEST_SUMMARY} characters"
    urls = (str(each) for each in found.requires_dist or () if each.url is not None)
    yield from (f"the requirement of a URL, {_shown(each)}" for each in urls)
    labels = (each for each in found.project_urls or {} if len(each) > _LONGEST_LABEL)
    yield from (f"a label of more than {_LONGEST_LABEL} characters for a URL, {_shown(each)}" for each in labels)
    private = (each for each in found.classifiers or () if each.startswith("Private ::"))
    yield from (f"the classifier {_shown(each)}" for each in private)
