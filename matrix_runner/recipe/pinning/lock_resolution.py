"""The steps that resolve what a lock names of a cell, in its container, where its wheel would be built. Pure.

The groups are really installed, by the installer that a build has there: so what is locked is what a build of today
gets, on this architecture, for this Python, from the index that the cell sees.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from matrix_runner.cell_programs import program_text
from matrix_runner.config.kinds.values import Frontend
from matrix_runner.config.options.build_options import AUDIT_REQUIRES
from matrix_runner.config.options.source_options import SDIST
from matrix_runner.locking.lock_values import Group
from matrix_runner.model.cells import Implementation
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.after_build.auditing import is_ours, newest_python
from matrix_runner.recipe.after_build.testing import installed_words
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.frontends.installed_requirements import RequirementsNote
from matrix_runner.recipe.frontends.own_frontend import FIRST_PYTHON, serves, with_programs
from matrix_runner.recipe.step import Phase, Step

PROGRAM: Final = "build_lock"

_WHEEL: Final = "{wheel}"
"""Stands for the wheel with the project's metadata, which the program makes."""


class LockResolution(msgspec.Struct, frozen=True, kw_only=True):
    """The resolution of a cell's groups. `groups`: those that it has. `kept`: versions that are to stay, by group."""

    recipe: CellRecipe
    groups: tuple[Group, ...]
    kept: Mapping[Group, tuple[str, ...]]

    @property
    def obstacle(self) -> tuple[str, str] | None:
        """The reason why it is impossible in this cell, and a hint; None if it is possible."""
        tools = self.recipe.tools
        if serves(tools.cell.interpreter, tools.interpreter, with_uv=tools.builds_with_uv, needed_pip=(0, 0)):
            return None
        interpreter, hint = tools.cell.interpreter, "leave the cell out by --skip, as `runner build --locked` must then"
        if interpreter.version < FIRST_PYTHON or interpreter.implementation is Implementation.GRAALPY:
            oldest = ".".join(map(str, FIRST_PYTHON))
            return f"what is installed for {interpreter} cannot be locked: it takes CPython or PyPy {oldest}+", hint
        pip = tools.interpreter.pip or "of the image"
        return (
            f"what is installed for {interpreter} cannot be locked: pip {pip} is too old",
            f"take an image with uv, or with pip 22.3, and tell uv what you tell pip; or {hint}",
        )

    def steps(self) -> Iterator[Step]:
        """Yield the steps, in the order in which they must be run."""
        for step in self.recipe.build():
            if step.kind is StepKind.BUILD:
                yield self._instead_of_build(step)
                break
            yield step
        if Group.TEST in self.groups:
            yield from self.recipe.commands.test_environment()
            yield self._of_test()
        constraints = self.recipe.tools.constraints
        if constraints is not None:
            path = (self.recipe.tools.python_bin,)
            yield self.recipe.commands.shell(
                StepKind.PREPARE, constraints.prepare(), path=path, shown="versions of tools"
            )
        yield self._of_tools()
        if Group.AUDIT in self.groups:
            yield from self._of_audit()

    def note(self, group: Group) -> RequirementsNote:
        """Return where the answer for a group is noted."""
        return RequirementsNote(path=f"{self._answer(group)}/origins.json")

    def _answer(self, group: Group) -> str:
        return f"{self.recipe.tools.layout.frontend}/resolved-{group}"

    def _instead_of_build(self, step: Step) -> Step:
        """Return the step that resolves what the build requires, with the variables and the directory of the build."""
        products = ["wheel", "sdist"] if self.recipe.job.settings[SDIST] else ["wheel"]
        argv = self._asking(
            Group.BUILD,
            with_uv=self.recipe.tools.builds_with_uv,
            words=[f"-C{word}" for word in self.recipe.backend_words()],
            products=products,
            wants_metadata=Group.TEST in self.groups,
        )
        return replace(step, request=step.instead(argv), shown="resolve what the build requires")

    def _of_test(self) -> Step:
        recipe, testing = self.recipe, self.recipe.commands.during(Phase.TEST)
        tools = recipe.tools
        installs = installed_words(recipe.job, _WHEEL, recipe.groups)
        argv = self._asking(Group.TEST, with_uv=tools.tests_with_uv, installs=installs)
        step = testing.step(StepKind.INSTALL, argv, path=tools.build_path, cwd=tools.layout.project)
        return recipe.commands.apart(replace(step, shown="resolve what the wheel and its test require"))

    def _of_tools(self) -> Step:
        tools = self.recipe.tools
        installer, constraints = tools.test_installer, tools.constraints
        module = ("build",) if tools.frontend in {Frontend.BUILD, Frontend.BUILD_UV} else ()
        file = "" if constraints is None else constraints.path
        words = (installer.newest_pip, *module)
        argv = self._asking(Group.TOOLS, with_uv=installer.creates_with_uv, installs=(words,), constraints=file)
        # None of the variables by which a user chooses versions: these are our own tools.
        step = self.recipe.commands.step(StepKind.PREPARE, argv, path=tools.build_path, cwd=tools.layout.project)
        return self.recipe.commands.apart(replace(step, shown="resolve the tools of the cell"))

    def _of_audit(self) -> Iterator[Step]:
        commands, tools = self.recipe.commands, self.recipe.tools
        newest = newest_python(tools.facts)
        if newest is None:
            return
        constraints = tools.constraints if is_ours(commands) else None
        file = "" if constraints is None else constraints.path
        with_uv = tools.facts.tool("uv") is not None and not tools.pip_variables.build
        words = commands.settings[AUDIT_REQUIRES]
        argv = self._asking(Group.AUDIT, with_uv=with_uv, installs=(words,), constraints=file)
        path = (f"{tools.layout.root}/opt/python/{newest[1]}/bin",)
        step = commands.step(StepKind.AUDIT, argv, path=path, cwd=tools.layout.project)
        yield commands.apart(replace(step, shown="resolve the tools of the audit"))

    def _asking(  # noqa: PLR0913  each is a field of the question
        self,
        group: Group,
        *,
        with_uv: bool,
        installs: tuple[tuple[str, ...], ...] = (),
        words: list[str] | None = None,
        products: list[str] | None = None,
        constraints: str = "",
        wants_metadata: bool = False,
    ) -> tuple[str, ...]:
        """Return the command that asks the program in the cell."""
        layout = self.recipe.tools.layout
        by = ["--installer=uv", f"--aside={layout.root or '/'}"] if with_uv else ["--installer=pip"]
        question = {
            "group": str(group),
            "words": [layout.package, f"--environment={layout.isolated_environment}", *by, *(words or [])],
            "installs": installs,
            "products": products or [],
            "kept": self.kept.get(group, ()),
            "constraints": constraints,
            "answer": self._answer(group),
            "wants_metadata": wants_metadata,
        }
        name = f"asked-{group}.json"
        argv = ("python", "-I", f"{layout.frontend}/{PROGRAM}.py", f"{layout.frontend}/{name}")
        more = {f"{PROGRAM}.py": program_text(PROGRAM), name: json.dumps(question)}
        return with_programs(layout, argv, more)
