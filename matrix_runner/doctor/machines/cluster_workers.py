"""A Dask cluster: whether its scheduler answers, which workers can run cells, and which cells nobody can. Pure."""

from collections.abc import Iterator, Sequence

import msgspec

from matrix_runner.doctor.machines.listed_engines import is_open
from matrix_runner.doctor.machines.unserved_cells import archs_of_plan, cells_of
from matrix_runner.doctor.verdict import Level, Verdict
from matrix_runner.engine.cluster.dask_client import ClusterWorker
from matrix_runner.engine.cluster.free_seats import Offer
from matrix_runner.engine.cluster.worker_engine import Greeting
from matrix_runner.engine.cluster.worker_offers import START
from matrix_runner.errors import RunnerError
from matrix_runner.matrix import Job
from matrix_runner.model.platforms import Arch
from matrix_runner.report.phrases import duration
from matrix_runner.wording import counted, first_of

_FEW = 4


class WorkerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A worker. `offer`: what it can run, None for the reason `problem`. `greeting`: None if it has not answered.

    `missing`: images of the plan that its engine does not have; `unmade`: those of them that no registry has.
    """

    worker: ClusterWorker
    offer: Offer | None = None
    problem: str = ""
    greeting: Greeting | None = None
    missing: tuple[str, ...] = ()
    unmade: tuple[str, ...] = ()


class ClusterFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster. `address`: as it was given; `connected`: of the scheduler, "" without a connection.

    `error`: why it cannot be used; `seconds`: of an answer. `here`, `scheduler`: the programs on both sides.
    """

    address: str
    here: Greeting
    connected: str = ""
    error: RunnerError | None = None
    seconds: float = 0.0
    scheduler: Greeting | None = None
    workers: tuple[WorkerFacts, ...] = ()

    @property
    def offers(self) -> tuple[Offer, ...]:
        """What its workers offer."""
        return tuple(each.offer for each in self.workers if each.offer is not None)


def judge_scheduler(facts: ClusterFacts) -> Iterator[Verdict]:
    """Yield the verdicts on the scheduler, and on the connection to it."""
    if facts.error is not None:
        yield Verdict(
            name="scheduler-unfit" if facts.connected else "scheduler-silent",
            level=Level.ERROR,
            about=facts.address,
            text=facts.error.message,
            remedy=facts.error.hint,
        )
    if facts.scheduler is not None:
        yield Verdict(
            name="scheduler",
            about=facts.address,
            text=f"scheduler at {facts.connected} answers in {duration(facts.seconds)}: {_programs(facts.scheduler)}",
            facts={"seconds": round(facts.seconds, 3), **_versions(facts.scheduler)},
        )
        yield from _unlike("the scheduler", facts.address, facts.scheduler, facts.here)
    if is_open(facts.connected):
        yield Verdict(
            name="cluster-unencrypted",
            level=Level.WARNING,
            about=facts.address,
            text=f"{facts.connected} is without TLS: whoever reaches it runs commands on all workers",
            remedy="start scheduler and workers with certificates, and name tls:// (docs/how-to/cluster.md)",
        )


def judge_workers(facts: ClusterFacts) -> Iterator[Verdict]:
    """Yield the verdicts on the workers, those that are alike together, and on what is wrong with one."""
    if facts.error is not None:
        return
    if not facts.workers:
        yield Verdict(
            name="no-worker",
            level=Level.ERROR,
            about=facts.address,
            text=f"the cluster at {facts.address} has no workers",
            remedy=START,
        )
        return
    yield from _alike(facts)
    for each in facts.workers:
        if each.offer is None:
            yield Verdict(
                name="worker-left-out",
                level=Level.WARNING if facts.offers else Level.ERROR,
                about=each.worker.name,
                text=f"worker {each.worker.name} is left out: {each.problem}",
                remedy=None if facts.offers else START,
                facts={"address": each.worker.address},
            )
        else:
            yield from _threads(each, each.offer)
        if each.offer is not None and each.greeting is not None:
            yield from _unlike(f"worker {each.worker.name}", each.worker.name, each.greeting, facts.here)
    yield from _images(facts)


def judge_offers(jobs: Sequence[Job], facts: ClusterFacts) -> Iterator[Verdict]:
    """Yield a verdict on each architecture that is offered, and on each of the plan that nobody offers."""
    sums: dict[Arch, int] = {}
    for offer in facts.offers:
        for arch, slots in offer.slots:
            sums[arch] = sums.get(arch, 0) + slots
    for arch, slots in sums.items():
        count = sum(1 for offer in facts.offers if arch in dict(offer.slots))
        narrow = next((other for other in Arch if other.wider is arch), None)
        yield Verdict(
            name="architecture-offered",
            about=str(arch),
            text=f"{arch}{f' and {narrow}' if narrow else ''}: {counted(slots, 'cell')} at once, on"
            f" {counted(count, 'worker')}",
            facts={"slots": slots, "workers": count},
        )
    if not facts.offers:
        return
    for arch in archs_of_plan(jobs):
        if arch not in sums and arch.wider not in sums:
            number, words = cells_of(arch, jobs)
            left = [each.worker.name for each in facts.workers if each.offer is None and _names(each.worker, arch)]
            would = f"; {first_of(left, _FEW)} would, and cannot" if left else ""
            yield Verdict(
                name="architecture-unoffered",
                level=Level.ERROR,
                about=str(arch),
                text=f"{arch}: no worker offers it, which the plan needs for {words}{would}",
                remedy=f"start a worker with --resources '{arch.wider or arch}=1', or leave it out with `archs`",
                facts={"cells": number},
            )


def _names(worker: ClusterWorker, arch: Arch) -> bool:
    """Whether a worker was started for cells of an architecture."""
    return any(worker.resources.get(str(one), 0) >= 1 for one in (arch, arch.wider))


def _alike(facts: ClusterFacts) -> Iterator[Verdict]:
    groups: dict[tuple[object, ...], list[Offer]] = {}
    for offer in facts.offers:
        engine = offer.engine
        alike = (engine.name, engine.version, engine.machine, engine.processors, offer.slots)
        groups.setdefault(alike, []).append(offer)
    for offers in groups.values():
        engine, names = offers[0].engine, [offer.worker.name for offer in offers]
        machine = str(Arch.of_machine(engine.machine) or engine.machine)
        slots = " ".join(f"{arch}={number}" for arch, number in offers[0].slots)
        product = engine.version if engine.version.startswith("Podman") else f"{engine.name} {engine.version}"
        processors = "" if engine.processors is None else f", {counted(engine.processors, 'processor')}"
        whose = f"worker {names[0]}" if len(names) == 1 else f"{len(names)} workers ({first_of(names, _FEW)}), each"
        yield Verdict(
            name="worker",
            about=" ".join(names),
            text=f"{whose}: {product}, {machine}{processors}; offers {slots}",
            facts={
                "workers": len(names),
                "version": engine.version,
                "machine": machine,
                "processors": engine.processors,
                "slots": slots,
            },
        )


def _threads(each: WorkerFacts, offer: Offer) -> Iterator[Verdict]:
    """Yield the verdict on a worker that can run fewer cells at once than it says."""
    wanted = sum(int(amount) for name, amount in each.worker.resources.items() if name in {str(arch) for arch in Arch})
    if wanted > each.worker.threads:
        yield Verdict(
            name="worker-threads",
            level=Level.WARNING,
            about=offer.worker.name,
            text=f"worker {offer.worker.name} offers {counted(wanted, 'cell')} at once, and has"
            f" {counted(each.worker.threads, 'thread')} for them",
            remedy=f"start it with --nthreads {wanted}",
            facts={"slots": wanted, "threads": each.worker.threads},
        )


def _images(facts: ClusterFacts) -> Iterator[Verdict]:
    lacking: dict[str, list[str]] = {}
    unmade: dict[str, list[str]] = {}
    for each in facts.workers:
        for reference in each.missing:
            places = unmade if reference in each.unmade else lacking
            places.setdefault(reference, []).append(each.worker.name)
    for reference, names in lacking.items():
        yield Verdict(
            name="worker-image-missing",
            about=" ".join(names),
            text=f"{reference.partition('@')[0]} is not there yet on {first_of(names, _FEW)}, and is fetched",
        )
    for reference, names in unmade.items():
        yield Verdict(
            name="worker-image-unmade",
            level=Level.WARNING,
            about=" ".join(names),
            text=f"{reference} is made by `runner image build`, and is not on {first_of(names, _FEW)}",
            remedy="make it on each worker's machine, or bring it there with `docker save` and `docker load`",
        )


def _unlike(whose: str, about: str, one: Greeting, here: Greeting) -> Iterator[Verdict]:
    """Yield the verdict on programs of other releases: Dask promises nothing then; of Python, the minor release."""
    differs = [
        f"{what} {other} there, {own} here"
        for what, other, own in (("Dask", one.dask, here.dask), ("Python", _minor(one.python), _minor(here.python)))
        if other and own and other != own
    ]
    if differs:
        yield Verdict(
            name="versions-differ",
            level=Level.WARNING,
            about=about,
            text=f"{whose} has other releases: {', '.join(differs)}; Dask promises nothing of such a mixture",
            remedy=f"install the same on all sides: distributed=={here.dask}, Python {_minor(here.python)}",
            facts=_versions(one),
        )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _programs(greeting: Greeting) -> str:
    return f"matrix-runner {greeting.version}, Dask {greeting.dask}, Python {greeting.python}"


def _versions(greeting: Greeting) -> dict[str, str | int | float | bool | None]:
    return {"version": greeting.version, "dask": greeting.dask, "python": greeting.python}
