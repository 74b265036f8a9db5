"""The preflight probe of an image: availability, architecture, interpreters and tools, before any build."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import msgspec
from msgspec.structs import replace

from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import Container, Engine, ResolvedImage
from matrix_runner.engine.hearing import Hearing
from matrix_runner.errors import EngineError, ImageError, MachineError, WrongImage
from matrix_runner.matrix import Job
from matrix_runner.matrix.remarks import emulation_hint
from matrix_runner.matrix.rungs import Rung
from matrix_runner.model.platforms import Arch
from matrix_runner.recipe.image_facts import ImageFacts, parse_probe
from matrix_runner.recipe.probing.image_problems import Problem, find_missing_tool, find_problem
from matrix_runner.recipe.probing.probe_script import probe_request
from matrix_runner.recipe.toolbox import needs
from matrix_runner.request import BuildRequest

LOCAL = "this machine"


class ProbedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An available, probed image; for the local engine, this machine.

    `reference`: as requested. `display_name`: its name in messages. `is_disposable`: as in `Container.is_disposable`.
    `rungs`: the content of the images that a job's wheel is tested in besides, by name, if it was asked for.
    """

    reference: str
    display_name: str
    image: ResolvedImage
    arch: Arch
    facts: ImageFacts
    is_disposable: bool
    rungs: tuple[tuple[str, str], ...] = ()

    def problem(self, job: Job) -> Problem | None:
        """Return the reason why a job cannot run in the image, or None."""
        problem = find_problem(job.cell, job.directories, self.facts, self.display_name)
        if problem is None:
            tools = needs(job.cell, job.settings, self.facts)
            return find_missing_tool(job.cell, job.directories, self.facts, self.display_name, tools)
        return Problem(message=problem.message, hint=f"{problem.hint}; {job.remark}") if job.remark else problem

    def to_install(self, job: Job) -> str | None:
        """Return the interpreter that `manylinux-interpreters ensure` must add for a job, or None."""
        return self.facts.to_install(job.directories)


class ImageKey(msgspec.Struct, frozen=True, kw_only=True):
    """The identity of an image for the jobs that share it: two architectures of one reference are two images.

    `is_rung`: it is one that wheels are tested in; what is known of it is something else.
    """

    reference: str
    arch: Arch
    is_rung: bool = False


def image_key(job: Job) -> ImageKey:
    """Return the key of a job's image."""
    reference = LOCAL if job.image is None else job.image.reference
    return ImageKey(reference=reference, arch=job.cell.platform.arch)


def rung_key(job: Job, rung: Rung) -> ImageKey:
    """Return the key of an image in which a job's wheel is tested besides."""
    return ImageKey(reference=rung.reference, arch=job.cell.platform.arch, is_rung=True)


def wanted_interpreters(key: ImageKey, jobs: Sequence[Job]) -> tuple[str, ...]:
    """Return the interpreters to start in the probe of an image that these jobs share."""
    return () if key.is_rung else tuple(dict.fromkeys(name for job in jobs for name in job.directories))


def probe_image(
    request: BuildRequest,
    key: ImageKey,
    jobs: Sequence[Job],
    open_container: Callable[[ResolvedImage], AbstractContextManager[Container]],
    hearing: Hearing,
) -> ProbedImage:
    """Pull an image if necessary, and probe it in a container. Raise ImageError or EngineError.

    `open_container`: opens a container of the image as one of the jobs needs it: a runtime or security option that a
    cell cannot run without is needed here too. An image without a declared platform tag gets the newest that its C
    library allows.
    """
    engine = request.engine
    image = engine.resolve(key.reference, key.arch, hearing)
    directories = wanted_interpreters(key, jobs)
    if jobs[0].is_emulated:
        hearing.on_notice(f"looking into {display_name(key.reference)} under emulation, which takes a while")
    try:
        with open_container(image) as container:
            facts = _ask(container, directories, key, is_slow=jobs[0].is_slow)
            is_disposable = container.is_disposable
    except EngineError as error:
        if _FOREIGN in error.message.lower():
            raise _foreign(engine, key, is_emulated=jobs[0].is_emulated) from error
        raise
    if facts.plat is None:
        facts = replace(facts, plat=request.catalog.platform_tag(jobs[0].cell.platform, facts.libc_version))
    return ProbedImage(
        reference=key.reference,
        display_name=display_name(key.reference),
        image=image,
        arch=key.arch,
        facts=facts,
        is_disposable=is_disposable,
    )


def probe_again(container: Container, image: ProbedImage, job: Job) -> ProbedImage:
    """Return the image's facts after an interpreter was installed in a cell's own container. Raise ImageError.

    No more interpreters can be installed then: a missing one is a problem.
    """
    facts = _ask(container, job.directories, image_key(job), is_slow=job.is_slow)
    facts = replace(image.facts, directories=facts.directories, interpreters=facts.interpreters, installable=())
    return replace(image, facts=facts)


def missing_emulator(key: ImageKey, machine: Arch) -> MachineError:
    """Return the error for an image that needs a missing emulator."""
    return MachineError(
        f"{display_name(key.reference)} needs {key.arch}; this machine is {machine} and has no emulator for it",
        hint=emulation_hint(key.arch),
    )


_FOREIGN = "exec format error"
"""The kernel's error for programs of another architecture (ENOEXEC), in the words of both runc and crun."""


def _foreign(engine: Engine, key: ImageKey, *, is_emulated: bool) -> ImageError:
    """Return the error for programs that the machine does not run. `is_emulated`: it runs those of the architecture."""
    machine = engine.check().machine
    own = Arch.of_machine(machine)
    if own is key.arch or is_emulated:
        return WrongImage(
            f"{display_name(key.reference)} holds programs that are not {key.arch}: {_FOREIGN}",
            hint=f"choose one for {key.arch}",
        )
    if own is key.arch.wider:
        # Many aarch64 processors have no 32-bit mode, and a kernel can be built without it (CONFIG_IA32_EMULATION).
        return ImageError(
            f"programs of {display_name(key.reference)} do not run on this {machine}: {_FOREIGN}",
            hint=f"either they are not {key.arch}, or this machine has no 32-bit mode: then {emulation_hint(key.arch)}",
        )
    return ImageError(
        f"{display_name(key.reference)} needs {key.arch}; this engine's machine is {machine}"
        " and has no emulator for it",
        hint=emulation_hint(key.arch),
    )


def _ask(container: Container, directories: tuple[str, ...], key: ImageKey, *, is_slow: bool) -> ImageFacts:
    answer = Answer()
    request = probe_request(container.root, directories, is_slow=is_slow, asks_system=key.is_rung)
    result = container.exec(request, answer.hear)
    if not result.is_success:
        tail = answer.text[-500:].strip()
        raise ImageError(
            f"image {key.reference} cannot be looked into: {tail or result.ending.value}",
            hint="it needs a POSIX shell with head, od, tr and basename",
        )
    return parse_probe(answer.text)


def display_name(reference: str) -> str:
    """Return an image's name in messages."""
    return LOCAL if reference == LOCAL else f"image {reference.partition('@')[0]}"
