"""Whether a package index can show a description: it refuses reStructuredText that it cannot render. Pure.

PyPI renders by readme-renderer (warehouse, `utils/readme.py`), and so does `twine check`. Text and Markdown always do.
"""

import io
from typing import Final

from packaging import metadata

from matrix_runner.config.mistakes import printable

_LONGEST: Final = 1024**2
"""Characters that are rendered; the longest descriptions have some hundred thousand."""


class NotRendered(Exception):
    """A description was not rendered. Its argument says why, and what to do."""


def render_objection(data: bytes) -> str | None:
    """Return why an index refuses the description in METADATA, as a clause; None if it does not.

    Raise NotRendered without the library that renders.
    """
    raw, _ = metadata.parse_email(data)
    text = raw.get("description", "")
    # Without a type it is taken for reStructuredText.
    kind = raw.get("description_content_type", "text/x-rst").partition(";")[0].strip().lower()
    if kind != "text/x-rst" or not text.strip():
        return None
    if len(text) > _LONGEST:
        raise NotRendered(f"the description has {len(text)} characters, too many to see whether it renders")
    try:
        from readme_renderer import rst
    except ImportError as error:
        raise NotRendered(
            "whether the description renders was not looked at: it is reStructuredText, for which"
            " `pip install 'matrix-runner[index]'` has what renders it"
        ) from error
    said = io.StringIO()
    try:
        rendered = rst.render(text, stream=said)
    except RecursionError:
        return "its description cannot be rendered as reStructuredText: it is nested too deeply"
    if rendered is not None:
        return None
    # The last complaint is the one that stopped it.
    told = [line.removeprefix("<string>:") for line in said.getvalue().splitlines() if line.startswith("<string>:")]
    last = f", line {printable(told[-1])}" if told else ""
    return f"its description cannot be rendered as reStructuredText{last}"
