"""The user of a strict sandbox: its home, the files it owns, the command that becomes it. Pure.

`before-all` is root's. A cell's own commands then run as a user who has no capability, as the kernel takes them from a
process that ceases to be root (capabilities(7), "Effect of user ID changes on capabilities").
"""

from typing import Final

import msgspec

from matrix_runner.config.kinds.values import Sandbox, Variables
from matrix_runner.config.options.run_options import SANDBOX
from matrix_runner.engine.api import SHORT_COMMAND_SECONDS, ExecRequest
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.step import Step
from matrix_runner.recipe.toolbox import Toolbox

USER: Final = "1000"
"""User and group: the first that distributions give to a person."""
NAME: Final = "builder"

# By a Python, which every image of ours has: setpriv is not in all, and busybox's changes no user. The output is a pipe
# of root's, which programs may open anew by its name (/dev/stdout). `execvp` imports `warnings`, which the user may not
# be able to read.
_BECOME: Final = """\
import os, sys, warnings
user = int(sys.argv[1])
for stream in (1, 2):
    try:
        os.fchown(stream, user, user)
    except OSError:
        pass
os.setgroups([])
os.setgid(user)
os.setuid(user)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.stderr.write("%s: %s\\n" % (sys.argv[2], error.strerror))
    sys.exit(127)
"""

# Volumes are entered only when they are new, or were filled by root: they may hold a hundred thousand files. Other
# mounts stay as they are.
_HAND_OVER: Final = """\
user=$1 name=$2 home=$3; shift 3
mkdir -p "$home" || exit 1
cut -d : -f 3 /etc/passwd | grep -qx "$user" || echo "$name:x:$user:$user::$home:/bin/sh" >>/etc/passwd
cut -d : -f 3 /etc/group | grep -qx "$user" || echo "$name:x:$user:" >>/etc/group
give() {
  [ "$(stat -c %u "$1")" = "$user" ] && return
  chown -h "$user:$user" "$1" || {
    echo "error: sandbox = \\"strict\\" takes an engine with a user $user beside root, and the capability CHOWN"
    exit 1
  }
  if [ -d "$1" ] && [ ! -L "$1" ]; then find "$1" -mindepth 1 -xdev -exec chown -h "$user:$user" {} +; fi
}
for place; do [ ! -e "$place" ] || give "$place"; done
exit 0
"""


class UnprivilegedUser(msgspec.Struct, frozen=True, kw_only=True):
    """The user. `python`: an interpreter of the image that changes to it."""

    layout: Layout
    python: str

    @property
    def prologue(self) -> tuple[str, ...]:
        """The words before a command's own by which root runs it as the user."""
        return (self.python, "-E", "-s", "-S", "-c", _BECOME, USER)

    @property
    def home(self) -> str:
        """The user's home: that of root is closed to it."""
        return f"{self.layout.matrix}/home"

    @property
    def variables(self) -> Variables:
        """The variables by which programs know the user."""
        return (("HOME", self.home), ("USER", NAME), ("LOGNAME", NAME))

    def hand_over(self) -> Step:
        """Return the step of root's that makes the user, and gives it the project and our directories."""
        layout = self.layout
        volumes = (layout.downloads, layout.fetched, layout.bytecode, layout.compiled, layout.isolated_environment)
        places = dict.fromkeys((layout.source, layout.link, layout.matrix, *volumes))
        argv = ("sh", "-c", _HAND_OVER, "sh", USER, NAME, self.home, *places)
        request = ExecRequest(argv=argv, cwd="/", timeout=SHORT_COMMAND_SECONDS)
        return Step(kind=StepKind.PREPARE, request=request, shown=f"give the project to the user {NAME}")


def unprivileged_user(tools: Toolbox) -> UnprivilegedUser | None:
    """Return the user of a cell's own commands; None for root, who runs them without a strict sandbox.

    A CPython of the image changes users, if there is one: GraalPy takes a second to start.
    """
    if tools.settings[SANDBOX] is not Sandbox.STRICT:
        return None
    found = (each.directory for each in tools.facts.interpreters if each.directory.startswith("cp3"))
    python = f"{tools.layout.root}/opt/python/{next(found, tools.interpreter.directory)}/bin/python"
    return UnprivilegedUser(layout=tools.layout, python=python)
