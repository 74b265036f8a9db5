"""Saving a cell's variables in its container from step to step, and removing them. Pure.

Only those that the project sets, not all that are exported: among those are the host's, which are given to each command
anew, and are often secrets of a CI system. And only as long as commands need them: no image that is kept has them.
"""

import shlex
from collections.abc import Iterable
from typing import Final

from matrix_runner.engine.api import ExecRequest
from matrix_runner.recipe.layout import Layout

# In the shell's own words: `export -p` would tell of all, `env -i` would lose what a shell does not import, and either
# adds what a shell sets by itself (PWD, SHLVL). Names that no project has, as they are the shell's variables too.
_SAVE: Final = """\
mr_save() {
  mr_rest=$2; mr_text=
  while :; do
    case $mr_rest in
      *"'"*) mr_text="$mr_text${mr_rest%%"'"*}'\\\\''"; mr_rest=${mr_rest#*"'"} ;;
      *) break ;;
    esac
  done
  printf "export %s='%s'\\n" "$1" "$mr_text$mr_rest"
}
"""


def saving_script(names: Iterable[str], file: str) -> str:
    """Return a script for the shell that writes its variables of these names into a file that a shell can read.

    The file is for its owner's eyes only, and the directory of it is made.
    """
    folder, target = shlex.quote(file.rpartition("/")[0]), shlex.quote(file)
    saves = "".join(f'mr_save {name} "${name}"\n' for name in names)
    return f"mkdir -p {folder}\n{_SAVE}(umask 077; rm -f {target}; : >{target})\n{{\n{saves}}} >{target}\n"


def removal(layout: Layout) -> ExecRequest:
    """Return the command that removes the files of variables; it succeeds if there are none."""
    return ExecRequest(argv=("rm", "-f", "--", layout.variables, layout.test_variables), cwd="/", timeout=60)
