"""Facts about container engines: what they say of themselves, their images, and a look around in a container."""

from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.config.create_args.container_rights import restricted
from matrix_runner.disks.disk_space import Space, space_of
from matrix_runner.doctor.container_engines import ContainerLook, EngineFacts, MadeImage, serving
from matrix_runner.doctor.gathering.place_facts import seen_inside
from matrix_runner.doctor.subject import Subject
from matrix_runner.engine.addresses import named_engines
from matrix_runner.engine.api import ContainerSpec, EngineInfo, ImageEngine, ResolvedImage
from matrix_runner.engine.emulation import is_on_this_kernel
from matrix_runner.engine.selection import AnsweringEngine, SilentEngine, container_engine, container_engines
from matrix_runner.errors import RunnerError
from matrix_runner.image.image_inventory import built_images
from matrix_runner.model.platforms import Arch


def engine_facts(subject: Subject, run: str) -> tuple[EngineFacts, ...]:
    """Return the facts about each container engine; into the one that serves a build goes a look. Raise MachineError.

    `run`: an id for what is opened, which is gone when this returns.
    """
    named = {each.choice for each in named_engines(subject.environ)}
    found = tuple(
        replace(_facts(each, subject), is_named=each.choice in named)
        for each in container_engines(run, subject.surroundings)
    )
    used = serving(found, subject.choice) if subject.wants_containers else None
    if used is None:
        return found
    with closing(container_engine(used.choice, run, subject.surroundings)) as engine:
        looked = replace(used, look=look_inside(engine, used, subject))
    return tuple(looked if each is used else each for each in found)


def _facts(found: AnsweringEngine | SilentEngine, subject: Subject) -> EngineFacts:
    if isinstance(found, SilentEngine):
        return EngineFacts(choice=found.choice, error=found.error)
    info = found.info
    try:
        made = built_images(found.engine)
        missing = tuple(reference for reference in _references(subject) if found.engine.find(reference) is None)
    except RunnerError as error:
        return EngineFacts(choice=found.choice, info=info, error=error)
    return EngineFacts(
        choice=found.choice,
        info=info,
        made=tuple(MadeImage(reference=one.reference, interpreters=tuple(sorted(one.interpreters))) for one in made),
        missing=missing,
        space=space_of_engine(info),
    )


def space_of_engine(info: EngineInfo) -> Space | None:
    """Return the space where an engine keeps images and volumes, None if that is not seen from here."""
    if info.storage is None or not is_on_this_kernel(info.endpoint) or not Path(info.storage).is_dir():
        return None
    space = space_of(Path(info.storage), is_written=False)
    return None if space.error else space


def _references(subject: Subject) -> tuple[str, ...]:
    """Return the images that the plan's cells need, each once."""
    jobs = () if subject.project is None else subject.project.plan.jobs
    return tuple(dict.fromkeys(job.image.reference for job in jobs if job.image is not None))


def look_inside(engine: ImageEngine, facts: EngineFacts, subject: Subject) -> ContainerLook | None:
    """Look around in a container of an image that is there and runs natively; None without one. Nothing is fetched."""
    machine = None if facts.info is None else Arch.of_machine(facts.info.machine)
    image = None if machine is None else _native_image(engine, machine, facts, subject)
    if machine is None or image is None:
        return None
    spec = ContainerSpec(image=image.id, arch=machine, name="doctor", arguments=_like_a_cells(subject.arguments))
    try:
        with engine.open(spec) as container:
            return ContainerLook(image=image.reference, report=seen_inside(container, subject.variables))
    except RunnerError as error:
        return ContainerLook(image=image.reference, error=error)


def _native_image(engine: ImageEngine, machine: Arch, facts: EngineFacts, subject: Subject) -> ResolvedImage | None:
    jobs = () if subject.project is None else subject.project.plan.jobs
    planned = [job.image.reference for job in jobs if job.image is not None and job.cell.platform.arch is machine]
    made = [one.reference for one in facts.made if one.reference.partition(":")[0].endswith(f"_{machine}")]
    for reference in dict.fromkeys((*planned, *made)):
        if reference not in facts.missing and (image := engine.find(reference)) is not None:
            return image
    return None


def _like_a_cells(given: ContainerArguments) -> ContainerArguments:
    """Return the user's arguments as far as the network depends on them: a mount might leave something behind."""
    of_network = ContainerArguments(
        env=given.env,
        network=given.network,
        add_hosts=given.add_hosts,
        dns=given.dns,
        dns_search=given.dns_search,
        dns_options=given.dns_options,
    )
    return restricted(of_network)
