"""The repair step: auditwheel's command line, or the user's, and compression. Pure.

auditwheel is called once: a wheel is examined further only if it could not be repaired (`repair_failure`).
"""

import re
import shlex
from typing import Final

from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import REPAIR_COMPRESSION, REPAIR_WHEEL_COMMAND
from matrix_runner.config.options.option import Source
from matrix_runner.config.options.wheel_options import STRIP
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.commands import Commands
from matrix_runner.recipe.image_facts import ImageFacts
from matrix_runner.recipe.step import Step
from matrix_runner.recipe.toolbox import calls_auditwheel

LEVEL: Final = "AUDITWHEEL_ZIP_COMPRESSION_LEVEL"
"""auditwheel's variable for its option `-z`: it also reaches a user's own command, and scripts that it calls."""

FIRST_WITH_LEVELS: Final = (6, 3)
"""The first auditwheel with that variable (its source; 6.2 lacks it)."""

_OWN_CHOICE: Final = REPAIR_COMPRESSION.default
_REPAIR: Final = "auditwheel repair"
_STRIPS: Final = re.compile(r"(?<!\S)(--strip|strip)\b")
_VERSION: Final = re.compile(r"auditwheel (?P<major>[0-9]{1,9})\.(?P<minor>[0-9]{1,9})")


def repair_step(commands: Commands, wheel: str) -> Step:
    """Return the step that turns the built wheel (a file name) into one with the platform tag, in `Layout.repaired`."""
    layout, level = commands.layout, commands.settings[REPAIR_COMPRESSION]
    command = commands.settings[REPAIR_WHEEL_COMMAND] or "mv {wheel} {dest_dir}/"
    if commands.settings[STRIP] and _is_default(commands.settings):
        command = command.replace(_REPAIR, f"{_REPAIR} --strip", 1)
    shown = commands.fill(command, wheel=f"{layout.built}/{wheel}")
    script = f"mkdir -p {shlex.quote(layout.repaired)} && {{ {shown}\n}}"
    path = commands.tools.build_path
    step = commands.shell(StepKind.REPAIR, script, path=path, cwd=layout.project, shown=shown)
    return step if level == _OWN_CHOICE else commands.telling(step, {LEVEL: str(level)})


def why_not_stripped(settings: Settings) -> str | None:
    """Return the reason why `strip` has no effect on the wheel, or None."""
    if not settings[STRIP] or _is_default(settings) or _STRIPS.search(settings[REPAIR_WHEEL_COMMAND]):
        return None
    return f"{STRIP} has no effect on a {REPAIR_WHEEL_COMMAND} of your own: say `auditwheel repair --strip` there"


def _is_default(settings: Settings) -> bool:
    is_default = settings.origin(REPAIR_WHEEL_COMMAND).source is Source.DEFAULT
    return is_default or settings[REPAIR_WHEEL_COMMAND] == REPAIR_WHEEL_COMMAND.default


def why_not_compressed(settings: Settings, facts: ImageFacts) -> str | None:
    """Return the reason why `repair-compression` has no effect on the wheel, or None."""
    if settings[REPAIR_COMPRESSION] == _OWN_CHOICE:
        return None
    if not calls_auditwheel(settings):
        return f"{REPAIR_COMPRESSION} has no effect unless auditwheel is called, which {REPAIR_WHEEL_COMMAND} does not"
    found = auditwheel_release(facts)
    if found is not None and found < FIRST_WITH_LEVELS:
        first, there = (".".join(map(str, release)) for release in (FIRST_WITH_LEVELS, found))
        return (
            f"{REPAIR_COMPRESSION} has no effect: it came with auditwheel {first}, and the image has auditwheel {there}"
        )
    return None


def auditwheel_release(facts: ImageFacts) -> tuple[int, int] | None:
    """Return the first two numbers of auditwheel's version; None if it is not there, or of unknown version."""
    found = _VERSION.match(facts.tool("auditwheel") or "")
    return None if found is None else (int(found["major"]), int(found["minor"]))
