"""Recognition of a test command that ran no test, by its last output."""

import re

_UNITTEST = re.compile(rb"^Ran (\d+) tests? in ", re.MULTILINE)
_PYTEST = re.compile(rb"\b\d+ passed\b")


def ran_no_test(output: bytes) -> bool:
    """Return whether a test command that succeeded ran no test, as unittest says at its end.

    Until Python 3.12 unittest ends with 0 then, so that the same mistake passes in some cells of a matrix and fails in
    others; pytest has always ended with 5.
    """
    counts = _UNITTEST.findall(output)
    return bool(counts) and not any(map(int, counts)) and _PYTEST.search(output) is None
