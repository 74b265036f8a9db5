"""A job in its open container, and the recipe that is made for it."""

from collections.abc import Callable

import msgspec

from matrix_runner.before_all.registry import BeforeAllPart
from matrix_runner.catalog.compiler_caches import find_compiler_cache
from matrix_runner.catalog.constraints import load_constraints
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.config.kinds.values import Sandbox
from matrix_runner.config.options.cache_options import COMPILER_CACHE
from matrix_runner.config.options.run_options import SANDBOX
from matrix_runner.config.options.test_options import TEST_GROUPS
from matrix_runner.engine.api import Container
from matrix_runner.matrix import Job
from matrix_runner.matrix.github_cache import github_variables
from matrix_runner.model.platforms import Arch
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.commands import passed_variables
from matrix_runner.recipe.frontends.frontend_command import Product
from matrix_runner.recipe.image_facts import InterpreterFacts
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.toolbox import Toolbox
from matrix_runner.recipe.workspace_wheels import WorkspaceWheel


class OpenCell(msgspec.Struct, frozen=True, kw_only=True):
    """A job in its open container. `image`: the container's probed image, including the job's interpreter.

    `part`: the cell's part in its `before-all`. `has_installed`: whether the interpreter was installed in it just now.
    `open_closed`: opens a further container, without a network, that lives as long; from another image, if one is
    named by its id.
    """

    job: Job
    container: Container
    image: ProbedImage
    part: BeforeAllPart
    has_installed: bool
    open_closed: Callable[[str | None], Container]


def recipe_of(
    opened: OpenCell, interpreter: InterpreterFacts, context: RunContext, materials: Materials, product: Product
) -> CellRecipe:
    """Return the recipe of the cell. `interpreter`: the cell's own, in the container."""
    job, inputs = opened.job, context.request.inputs
    passed = passed_variables(job.settings, inputs.environ)
    compiler_cache, machine = job.settings[COMPILER_CACHE], Arch.of_machine(context.request.engine_info.machine)
    return CellRecipe(
        job=job,
        tools=Toolbox(
            cell=job.cell,
            settings=job.settings,
            facts=opened.image.facts,
            interpreter=interpreter,
            layout=Layout(
                root=opened.container.root,
                inner=inputs.package,
                prefix=materials.source.prefix,
                is_from_sdist=materials.sdist is not None,
            ),
            is_disposable=opened.container.is_disposable and job.settings[SANDBOX] is not Sandbox.STRICT,
            pinned=load_constraints(),
            passed=tuple(name for name, value in passed if value),
            has_hashes=inputs.has_hashes(job),
            product=product,
            lock=inputs.cell_lock(job),
            needed=tuple(
                WorkspaceWheel(project=each.project, version=each.version, name=each.path.name, sha256=each.sha256)
                for each in context.needed.of(job.cell) or ()
            ),
        ),
        epoch=materials.source.epoch,
        passed=passed,
        exclude_newer=context.exclude_newer,
        groups=context.groups.requirements(job.settings[TEST_GROUPS]) if job.has_tests else (),
        has_crates=materials.has_crates,
        backend=materials.backend,
        redactor=context.redactor,
        brought=find_compiler_cache(str(compiler_cache.name), job.cell.platform, machine) if compiler_cache else None,
        of_backend=github_variables(compiler_cache, inputs.environ),
    )
