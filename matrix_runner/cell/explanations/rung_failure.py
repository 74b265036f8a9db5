"""What a failure in a clean image means: mostly a library that only the image of the build has. Pure."""

import re
from typing import Final

from msgspec.structs import replace

from matrix_runner.model.outcomes import Failure

_LACKING: Final = re.compile(
    r"(?P<name>[\w.+-]{1,120}\.so[\w.]{0,20})(?: is not found|: cannot open shared object file)"
)
_LACKING_ON_MUSL: Final = re.compile(r"Error loading shared library (?P<name>[\w.+-]{1,120}):")


def advice_on_rung(failure: Failure) -> Failure:
    """Return the failure with a hint that fits a system on which nothing was installed."""
    text = "\n".join((failure.message, *failure.excerpt))
    found = _LACKING.search(text) or _LACKING_ON_MUSL.search(text)
    if found is None:
        return failure
    hint = (
        f"{found['name']} is in the image of the build and not on this system: let repair graft it (look for --exclude"
        " in repair-wheel-command), or, if users are to have it, install it in before-test"
    )
    return replace(failure, hint=hint)
