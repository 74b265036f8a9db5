"""A cell's own variables in its container: evaluated once, saved from step to step, and removed. Pure.

Only variables that the project sets, not all exported ones: the latter include the host's, which each command gets
anew, and which are often secrets of a CI system. And only for as long as commands need them: no saved image contains
them.
"""

import shlex
from collections.abc import Iterable
from typing import Final

from matrix_runner.config.kinds.values import Variables
from matrix_runner.config.options.option import Option
from matrix_runner.engine.api import SHORT_COMMAND_SECONDS, ExecRequest
from matrix_runner.recipe.layout import Layout
from matrix_runner.redaction.redactor import Redactor

# Built into the shell: `export -p` would reveal all variables, `env -i` would lose those that a shell does not import,
# and either adds those that a shell sets by itself (PWD, SHLVL). Unlikely names, as they are the shell's variables too.
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


def evaluation(
    option: Option[Variables], pairs: Variables, saved: Iterable[str], file: str, redactor: Redactor
) -> tuple[str, str]:
    """Return a shell script that sets an option's variables in turn and saves some in a file, and its text for display.

    `saved`: the names of those that are saved.
    """
    # Not `export NAME="$(command)"`: its status is that of `export`, but a failed command must fail the step.
    shown, lines = [], []
    for name, value in pairs:
        readable = redactor.shown(name, value)
        shown.append(f'{name}="{readable}"; export {name}')
        blame = shlex.quote(f"{option.name}: a command in the value of {name} failed: {readable}")
        lines.append(f'{name}="{value}" || {{ status=$?; echo {blame} >&2; exit $status; }}; export {name}')
    save = saving_script(dict.fromkeys(saved), file)
    return "\n".join(("set -e", *lines, save)), "; ".join(shown)


def saving_script(names: Iterable[str], file: str) -> str:
    """Return a shell script that writes its variables of these names into a file that a shell can read.

    Only its owner can read the file. Its directory is created.
    """
    folder, target = shlex.quote(file.rpartition("/")[0]), shlex.quote(file)
    saves = "".join(f'mr_save {name} "${name}"\n' for name in names)
    return f"mkdir -p {folder}\n{_SAVE}(umask 077; rm -f {target}; : >{target})\n{{\n{saves}}} >{target}\n"


def removal(layout: Layout) -> ExecRequest:
    """Return the command that removes the files of variables; it succeeds if there are none."""
    return ExecRequest(
        argv=("rm", "-f", "--", layout.variables, layout.test_variables), cwd="/", timeout=SHORT_COMMAND_SECONDS
    )
