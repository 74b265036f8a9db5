"""Looking at each image once, before anything is built: is it there, does it run, what does it hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from matrix_runner.catalog import Catalog
from matrix_runner.cell.facts import ImageFacts, Problem, find_missing_tool, find_problem, parse_probe, probe_request
from matrix_runner.cell.toolbox import needs
from matrix_runner.engine.api import ContainerSpec, Engine, ResolvedImage
from matrix_runner.errors import ImageError
from matrix_runner.matrix import Job
from matrix_runner.model.platforms import Arch

LOCAL = "this machine"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a group of cells runs: an image that is there and has been looked into.

    `reference`: as it was asked for. `shown`: how to speak of it. `is_disposable`: as in `Container.is_disposable`.
    """

    reference: str
    shown: str
    image: ResolvedImage
    arch: Arch
    facts: ImageFacts
    is_disposable: bool

    def problem(self, job: Job) -> Problem | None:
        """Say why a job cannot run here, or None."""
        problem = find_problem(job.cell, job.directories, self.facts, self.shown)
        if problem is None:
            tools = needs(job.cell, job.settings, self.facts)
            return find_missing_tool(job.cell, job.directories, self.facts, self.shown, tools)
        return Problem(message=problem.message, hint=f"{problem.hint}; {job.remark}") if job.remark else problem


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceKey:
    """What makes jobs share a place."""

    reference: str
    arch: Arch


def place_key(job: Job) -> PlaceKey:
    """Return the place a job runs in."""
    reference = LOCAL if job.image is None else job.image.reference
    return PlaceKey(reference=reference, arch=job.cell.platform.arch)


def look_into(
    engine: Engine, key: PlaceKey, jobs: Sequence[Job], catalog: Catalog, on_notice: Callable[[str], None]
) -> Place:
    """Fetch an image if need be, start it once and ask it what it holds. Raise ImageError or EngineError.

    A place that does not say for which platform tag it is made gets the newest that its C library allows.
    """
    image = engine.resolve(key.reference, key.arch, on_notice)
    directories = tuple(dict.fromkeys(name for job in jobs for name in job.directories))
    spec = ContainerSpec(image=image.id, arch=key.arch, name=f"preflight-{key.arch}")
    output = bytearray()
    with engine.open(spec) as container:
        result = container.exec(probe_request(container.root, directories), output.extend)
        is_disposable = container.is_disposable
    if not result.is_success:
        tail = bytes(output[-500:]).decode("utf-8", "replace").strip()
        raise ImageError(
            f"image {key.reference} cannot be looked into: {tail or result.ending.value}",
            hint="it needs a POSIX shell with head, od, tr and basename",
        )
    facts = parse_probe(output.decode("utf-8", "replace"))
    if facts.plat is None:
        facts = replace(facts, plat=catalog.platform_tag(jobs[0].cell.platform, facts.libc_version))
    return Place(
        reference=key.reference,
        shown=LOCAL if key.reference == LOCAL else f"image {key.reference.partition('@')[0]}",
        image=image,
        arch=key.arch,
        facts=facts,
        is_disposable=is_disposable,
    )
