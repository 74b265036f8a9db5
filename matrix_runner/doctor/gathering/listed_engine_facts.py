"""Facts about one of several engines (`engines`): what it says of itself, its images, a look into a container there."""

from contextlib import ExitStack
from functools import partial

from msgspec.structs import replace

from matrix_runner.config.kinds.values import EngineChoice, EngineEntry
from matrix_runner.doctor.container_engines import EngineFacts
from matrix_runner.doctor.gathering.engine_facts import look_inside, space_of_engine
from matrix_runner.doctor.machines.listed_engines import is_open
from matrix_runner.doctor.subject import Subject
from matrix_runner.engine.api import ImageEngine, ResolvedImage
from matrix_runner.engine.planning_host import container_host
from matrix_runner.engine.selection import FIRST_ANSWER_SECONDS, close_engine
from matrix_runner.errors import RunnerError
from matrix_runner.matrix import Execution, Job
from matrix_runner.model.platforms import Arch


def listed_engine_facts(entry: EngineEntry, subject: Subject, run: str) -> EngineFacts:
    """Return the facts about an engine. `run`: an id for what is opened, which is gone when this returns."""
    # Only where an engine is asked: it takes the SDK.
    from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
    from matrix_runner.engine.remote.node_selection import endpoint_of

    facts = EngineFacts(choice=EngineChoice.DOCKER, entry=entry)
    with ExitStack() as stack:
        try:
            endpoint = endpoint_of(entry, subject.environ, stack)
            engine = DockerEngine(run=run, surroundings=subject.surroundings, endpoint=endpoint)
            stack.callback(partial(close_engine, engine, lambda _: None))
            info = replace(engine.check(seconds=FIRST_ANSWER_SECONDS), endpoint=entry.endpoint)
            facts = replace(
                facts,
                info=info,
                slots=entry.jobs or subject.jobs or info.processors or 1,
                is_encrypted=endpoint.tls is not None or not is_open(entry.endpoint),
                host=container_host(machine=info.machine, endpoint=info.endpoint),
                space=space_of_engine(info),
            )
            return _with_images(facts, engine, subject)
        except RunnerError as error:
            return replace(facts, error=error)


def _with_images(facts: EngineFacts, engine: ImageEngine, subject: Subject) -> EngineFacts:
    """Return the facts with the images of the cells that this engine may get, and a look into one."""
    subject = subject.with_plan_for(facts.host)
    jobs = _own_jobs(facts, subject)
    there: list[ResolvedImage] = []
    missing: list[str] = []
    unmade: list[str] = []
    for job in {job.image.reference: job for job in jobs if job.image is not None}.values():
        assert job.image is not None  # noqa: S101  see above
        reference = job.image.reference
        image = engine.find(reference)
        if image is not None:
            there.append(replace(image, reference=reference))
            continue
        missing.append(reference)
        if job.image.family is not None and job.image.family.is_made_here:
            unmade.append(reference)
    facts = replace(facts, images=tuple(there), missing=tuple(missing), unmade=tuple(unmade))
    return replace(facts, look=look_inside(engine, facts, subject))


def _own_jobs(facts: EngineFacts, subject: Subject) -> tuple[Job, ...]:
    """Return the jobs that this engine may get: it emulates nothing that another one is said to be."""
    host, plan = facts.host, None if subject.project is None else subject.project.plan
    if plan is None or host is None:
        return ()
    others = {entry.arch for entry in subject.engines if entry != facts.entry}

    def may_run(arch: Arch) -> bool:
        way = host.execution(arch)
        return way is Execution.NATIVE or (way is Execution.EMULATED and others.isdisjoint({arch, arch.wider} - {None}))

    return tuple(job for job in plan.jobs if may_run(job.cell.platform.arch))
