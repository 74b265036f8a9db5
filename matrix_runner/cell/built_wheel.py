"""The wheel that a build has left in its directory: exactly one."""

from matrix_runner.cell.steps import ContainerLost
from matrix_runner.engine.api import Container, Ending, ExecRequest
from matrix_runner.errors import WheelRejected

# A frontend that made nothing has not made the directory either.
_LIST = 'cd "$1" 2>/dev/null || exit 0; for f in *.whl; do [ -e "$f" ] && printf "%s\\n" "$f"; done; true'


def only_wheel(container: Container, directory: str) -> str:
    """Return the file name of the wheel in the directory. Raise WheelRejected unless there is one; ContainerLost."""
    listing = bytearray()
    request = ExecRequest(argv=("sh", "-c", _LIST, "sh", directory), timeout=60)
    if container.exec(request, listing.extend).ending is Ending.LOST:
        raise ContainerLost("the container went away after the build")
    names = bytes(listing).decode("utf-8", "replace").splitlines()
    if len(names) == 1:
        return names[0]
    if not names:
        raise WheelRejected(
            "the build ended with success and left no wheel",
            hint="its log says what the frontend and the build backend did; was `--version` or the like passed on?",
        )
    raise WheelRejected(
        f"the build gave {len(names)} wheels, not one: {', '.join(names[:5])}",
        hint="each cell builds one project; let the build backend make one wheel",
    )
