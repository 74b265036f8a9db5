"""A repaired wheel held against its cell and its own tags, wherever it was built."""

from collections.abc import Callable

from matrix_runner.catalog.policies import load_policies
from matrix_runner.config.options.build_options import ACCEPT, REPAIR_WHEEL_COMMAND
from matrix_runner.matrix import Job
from matrix_runner.policy import Analysis, WheelAnatomy, analyse, code_findings
from matrix_runner.project.made_sdist import MadeSdist
from matrix_runner.recipe.image_facts import InterpreterFacts
from matrix_runner.wheelhouse import Promise, settle, verify


def promise_of(job: Job, interpreter: InterpreterFacts, project_name: str, sdist: MadeSdist | None) -> Promise:
    """Return what a cell's wheel must be. `project_name`: of the built wheel; `sdist`: that it was built from."""
    python_tag, _, abi_tag = interpreter.directory.partition("-")
    return Promise(
        cell=job.cell,
        python_tag=python_tag,
        abi_tag=abi_tag,
        project_name=project_name,
        version=None if sdist is None else sdist.name.version,
        ext_suffix=interpreter.extension_suffix,
        repaired=bool(job.settings[REPAIR_WHEEL_COMMAND]),
    )


def hold(wheel: WheelAnatomy, job: Job, promise: Promise, warn: Callable[[str], None]) -> Analysis:
    """Hold a wheel against its promise and its own tags. Raise WheelRejected.

    `warn`: called with what is delivered all the same.
    """
    settings = job.settings
    analysis = analyse(wheel, load_policies())
    code = code_findings(analysis, job.cell.platform, settings[REPAIR_WHEEL_COMMAND])
    findings = (*verify(analysis.wheel.contents, promise), *code)
    for warning in settle(findings, settings[ACCEPT], is_lenient=settings.is_drop_in):
        warn(warning)
    return analysis
