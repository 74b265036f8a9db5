"""Facts about a Dask cluster: its scheduler, and what each worker says of itself and its engine."""

import time
from contextlib import closing

from msgspec.structs import replace

from matrix_runner.doctor.machines.cluster_workers import ClusterFacts, WorkerFacts
from matrix_runner.doctor.subject import Subject
from matrix_runner.engine.cluster.dask_client import Cluster, ClusterWorker
from matrix_runner.engine.cluster.free_seats import Offer
from matrix_runner.engine.cluster.worker_engine import (
    Greeting,
    ImageQuestion,
    WorkerPlace,
    find_images,
    greet,
    own_greeting,
)
from matrix_runner.engine.cluster.worker_offers import check_scheduler, offer_of, offered_host
from matrix_runner.errors import RunnerError
from matrix_runner.matrix import Job


def cluster_facts(subject: Subject) -> ClusterFacts:
    """Return the facts about the cluster that a build would use."""
    facts = ClusterFacts(address=subject.cluster, here=own_greeting())
    try:
        link = Cluster(subject.cluster)
    except RunnerError as error:
        return replace(facts, error=error)
    with closing(link):
        facts = replace(facts, connected=link.scheduler_address)
        try:
            check_scheduler(link)
            began = time.monotonic()
            told = link.ask_scheduler(own_greeting)
            facts = replace(facts, scheduler=told, seconds=time.monotonic() - began)
            workers = sorted(link.workers(), key=lambda worker: worker.name)
            if subject.place is None or not workers:
                return facts
            answers = link.ask_all(greet, subject.place)
            met = tuple(_worker(worker, answers.get(worker.address)) for worker in workers)
            return replace(facts, workers=_with_images(link, subject.place, met, subject))
        except RunnerError as error:
            return replace(facts, error=error)


def _worker(worker: ClusterWorker, answer: Greeting | Exception | None) -> WorkerFacts:
    found = offer_of(worker, answer)
    greeting = answer if isinstance(answer, Greeting) else None
    if isinstance(found, Offer):
        return WorkerFacts(worker=worker, offer=found, greeting=greeting)
    return WorkerFacts(worker=worker, problem=found, greeting=greeting)


def _with_images(
    link: Cluster, place: WorkerPlace, workers: tuple[WorkerFacts, ...], subject: Subject
) -> tuple[WorkerFacts, ...]:
    """Return the facts with the images that each worker lacks for the cells of the plan that it offers to run."""
    offers = [each.offer for each in workers if each.offer is not None]
    project = subject.with_plan_for(offered_host(offers)).project
    jobs = () if project is None or project.plan is None else project.plan.jobs
    if not offers or not jobs:
        return workers
    made_here = frozenset(
        job.image.reference
        for job in jobs
        if job.image is not None and job.image.family is not None and job.image.family.is_made_here
    )
    wanted = tuple(dict.fromkeys(job.image.reference for job in jobs if job.image is not None))
    question = ImageQuestion(place=place, references=wanted)
    answers = link.ask_all(find_images, question, [offer.address for offer in offers])
    found = []
    for each in workers:
        there = answers.get(each.worker.address)
        if each.offer is not None and isinstance(there, tuple):
            own = _references(each.offer, jobs)
            pairs = zip(wanted, there, strict=True)
            lacking = tuple(reference for reference, image in pairs if image is None and reference in own)
            each = replace(each, missing=lacking, unmade=tuple(one for one in lacking if one in made_here))  # noqa: PLW2901
        found.append(each)
    return tuple(found)


def _references(offer: Offer, jobs: tuple[Job, ...]) -> frozenset[str]:
    """Return the images of the cells that a worker can run."""
    return frozenset(
        job.image.reference
        for job in jobs
        if job.image is not None and offer.resource(job.cell.platform.arch) is not None
    )
