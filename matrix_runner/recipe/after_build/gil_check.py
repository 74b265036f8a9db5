"""The check of a wheel for a free-threaded Python: which of its modules turn the GIL on when they are imported. Pure.

An extension module that does not declare `Py_MOD_GIL_NOT_USED` makes the interpreter turn the GIL on for the rest of
the process (PEP 703), with no more than a warning that a test rarely shows.
"""

import re
import shlex
from collections.abc import Iterator
from typing import Final

import msgspec

from matrix_runner.locking.lock_values import Group
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.after_build.testing import create_environment, fetch_steps, install_fetched
from matrix_runner.recipe.commands import Commands
from matrix_runner.recipe.frontends.fetching import is_parted
from matrix_runner.recipe.step import Step

_PREFIX: Final = "free-threading: "
_LINE: Final = re.compile(rf"^{_PREFIX}(?P<module>\S+): (?P<what>.+)$", re.MULTILINE)
_DONE: Final = re.compile(rf"^{_PREFIX}(?P<count>[0-9]+) imported$", re.MULTILINE)
_ENABLES: Final = "turns the GIL on"

# A module's import may bring in others, of its own package or of a requirement: the interpreter's warning says which of
# them it was. Isolated (-I), so that neither PYTHON_GIL nor modules in the working directory change the answer.
_PROGRAM: Final = f"""\
import re, subprocess, sys, zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import EXTENSION_SUFFIXES
CHILD = '''
import importlib, sys, warnings
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    importlib.import_module(sys.argv[1])
if sys._is_gil_enabled():
    texts = [str(one.message) for one in said]
    print("\\\\nGIL " + "\\\\t".join(text.replace("\\\\n", " ") for text in texts))
'''
def modules(wheel):
    with zipfile.ZipFile(wheel) as archive:
        for path in sorted(archive.namelist()):
            suffix = max((one for one in EXTENSION_SUFFIXES if path.endswith(one)), key=len, default=None)
            parts = path.split("/")
            if parts[0].endswith(".data") and len(parts) > 2 and parts[1] in ("platlib", "purelib"):
                parts = parts[2:]
            if suffix is None:
                continue
            parts[-1] = parts[-1][:-len(suffix)]
            if not all(part.isidentifier() for part in parts):
                continue
            # A library that a program loads by itself has the same suffix, and no entry for Python.
            content = archive.read(path)
            names = [b"%s_%s" % (one, parts[-1].encode()) for one in (b"PyInit", b"PyModExport")]
            if any(name in content for name in (*names, b"PyInitU_")):
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
def ask(module):
    try:
        done = subprocess.run([sys.executable, "-I", "-c", CHILD, module], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=float(sys.argv[3]))
    except subprocess.TimeoutExpired:
        return module + ": its import does not end"
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = "signal %d" % -done.returncode if done.returncode < 0 else lines[-1] if lines else "no reason given"
        return module + ": cannot be imported: " + reason
    found = re.search(r"^GIL (.*)$", done.stdout.decode("utf-8", "replace"), re.MULTILINE)
    if found is None:
        return None
    named = re.findall(r"enabled to load module '([^']+)'", found.group(1))
    if not named or module in named:
        return module + ": {_ENABLES}"
    return "%s: %s" % (named[0], "{_ENABLES}") if named[0] in own else (
        "%s: imports %s, which turns it on" % (module, named[0]))
own = sorted(set(modules(sys.argv[1])))
with ThreadPoolExecutor(int(sys.argv[2])) as pool:
    for text in sorted(set(filter(None, pool.map(ask, own)))):
        print("{_PREFIX}" + text)
print("{_PREFIX}%d imported" % len(own))
"""
"""A program for a free-threaded Python, 3.13 or newer. Arguments: the wheel, how many imports run at once, and how many
seconds one may take."""


class GilFindings(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of the check. `enabling`: modules of the wheel that turn the GIL on. `remarks`: sentences on others.

    `is_complete`: False if the check did not come to its end.
    """

    enabling: tuple[str, ...]
    remarks: tuple[str, ...]
    is_complete: bool


def gil_step(commands: Commands, wheel: str) -> Step:
    """Return the step that imports the modules of the repaired wheel (a path), each in an interpreter of its own.

    Where no test has made the test environment, it is made for this, with the wheel and what that requires: by the
    steps of `gil_environment` if one container fetches for another.
    """
    tools, layout = commands.tools, commands.layout
    python = shlex.quote(f"{layout.test_environment}/bin/python")
    seconds = 1800 if commands.job.is_slow else 300
    script = f"{python} -I -c {shlex.quote(_PROGRAM)} {shlex.quote(wheel)} {commands.processors} {seconds}"
    path = tools.test_path
    if not commands.job.has_tests and not is_parted(commands):
        installer = tools.test_installer
        install = installer.install(layout.test_environment, wheel)
        if installer.is_locked:
            install = f"{installer.install_locked(layout.test_environment, Group.TEST)} && {install}"
        script = f"{tools.after_constraints(create_environment(commands))} && {install} && {script}"
        path = (tools.python_bin,)
    shown = "import each module: does it turn the GIL on?"
    return commands.apart(commands.shell(StepKind.AUDIT, script, path=path, shown=shown))


def gil_environment(commands: Commands, wheel: str) -> Iterator[Step]:
    """Yield the steps that make the environment of `gil_step`, where that does not do it."""
    if is_parted(commands) and not commands.job.has_tests:
        yield from fetch_steps(commands, wheel)
        yield install_fetched(commands, wheel)


def gil_findings(output: bytes) -> GilFindings:
    """Parse the output of the step."""
    text = output.decode("utf-8", "replace")
    lines = [(found["module"], found["what"].strip()) for found in _LINE.finditer(text)]
    return GilFindings(
        enabling=tuple(module for module, what in lines if what == _ENABLES),
        remarks=tuple(f"{module}: {what}" for module, what in lines if what != _ENABLES),
        is_complete=_DONE.search(text) is not None,
    )
