"""The file that a build frontend has left in its directory: exactly one, a wheel or an sdist."""

from matrix_runner.cell.steps import ContainerLost
from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import SHORT_COMMAND_SECONDS, Container, Ending, ExecRequest
from matrix_runner.errors import WheelRejected
from matrix_runner.wheelhouse import Expected

# A frontend that made nothing has not made the directory either.
_LIST = 'cd "$1" 2>/dev/null || exit 0; for f in *"$2"; do [ -e "$f" ] && printf "%s\\n" "$f"; done; true'


def only_file(container: Container, directory: str, expected: Expected) -> str:
    """Return the name of the one file of a kind in the directory.

    Raise WheelRejected unless there is one, ContainerLost.
    """
    listing, noun = Answer(), expected.noun
    request = ExecRequest(argv=("sh", "-c", _LIST, "sh", directory, expected.suffix), timeout=SHORT_COMMAND_SECONDS)
    if container.exec(request, listing.hear).ending is Ending.LOST:
        raise ContainerLost("the container went away after the build")
    names = listing.text.splitlines()
    if len(names) == 1:
        return names[0]
    if not names:
        raise WheelRejected(
            f"the build ended with success and left no {noun}",
            hint="its log says what the frontend and the build backend did; was `--version` or the like passed on?",
        )
    raise WheelRejected(
        f"the build gave {len(names)} {noun}s, not one: {', '.join(names[:5])}",
        hint=f"each cell builds one project; let the build backend make one {noun}",
    )
