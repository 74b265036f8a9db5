"""Which machines a build would use, and what is said of them: this one's engines, several engines, or a cluster."""

from collections.abc import Iterator
from functools import cached_property
from typing import Protocol
from uuid import uuid4

from matrix_runner.doctor.container_engines import EngineFacts, judge_engine, serving
from matrix_runner.doctor.gathering.cluster_facts import cluster_facts
from matrix_runner.doctor.gathering.engine_facts import engine_facts
from matrix_runner.doctor.gathering.listed_engine_facts import listed_engine_facts
from matrix_runner.doctor.gathering.pending import Pending
from matrix_runner.doctor.machines.cluster_workers import ClusterFacts, judge_offers, judge_scheduler, judge_workers
from matrix_runner.doctor.machines.listed_engines import judge_listed, judge_mistakes
from matrix_runner.doctor.machines.unserved_cells import judge_cells
from matrix_runner.doctor.subject import Subject
from matrix_runner.doctor.verdict import Section, Topic, Trouble, Verdict
from matrix_runner.engine.cluster.worker_offers import offered_host
from matrix_runner.engine.node import joined_hosts
from matrix_runner.matrix import Host


class Machines(Protocol):
    """The machines of a build. Each property waits for the facts behind it."""

    @property
    def subject(self) -> Subject:
        """What is examined, with the plan that these machines allow."""
        ...

    @property
    def answering(self) -> tuple[EngineFacts, ...]:
        """The engines that were asked from here."""
        ...

    @property
    def used(self) -> tuple[EngineFacts, ...]:
        """The engines among them that a build would use."""
        ...

    @property
    def unseen(self) -> str:
        """Why what cells see of the network is not known, as far as it is not."""
        ...

    def mistakes(self) -> Iterator[Verdict]:
        """Yield the verdicts on mistakes in the configuration that only the machines show."""
        ...

    def sections(self) -> Iterator[Section]:
        """Yield the sections on the machines."""
        ...


def machines_for(subject: Subject, deadline: float) -> Machines:
    """Begin to ask the machines that a build would use. `deadline`: by `time.monotonic`."""
    if subject.cluster:
        return ClusterMachines(subject, deadline)
    return ListedMachines(subject, deadline) if subject.engines else OwnMachine(subject, deadline)


class OwnMachine:
    """The container engines of this machine, of which one serves a build; or none, and this machine does."""

    def __init__(self, subject: Subject, deadline: float) -> None:
        """Begin to ask."""
        self.subject = subject
        run = uuid4().hex[:12]
        self._engines = Pending("container engines", lambda: engine_facts(subject, run), deadline)

    @property
    def answering(self) -> tuple[EngineFacts, ...]:
        """See `Machines`."""
        found = self._engines.facts()
        return () if isinstance(found, Trouble) else found

    @property
    def used(self) -> tuple[EngineFacts, ...]:
        """See `Machines`."""
        used = serving(self.answering, self.subject.choice) if self.subject.wants_containers else None
        return () if used is None else (used,)

    @property
    def unseen(self) -> str:
        """See `Machines`."""
        if not self.subject.wants_containers or any(_report(each) for each in self.used):
            return ""
        if not self.used:
            return "no engine answers"
        return _unseen(self.used[0])

    def mistakes(self) -> Iterator[Verdict]:
        """See `Machines`."""
        yield from ()

    def sections(self) -> Iterator[Section]:
        """See `Machines`."""
        found = self._engines.facts()
        if isinstance(found, Trouble):
            yield Section(topic=Topic.ENGINES, title="Containers", verdicts=(found.verdict(),))
            return
        for each in found:
            verdicts = tuple(judge_engine(each, found, self.subject.choice))
            yield Section(topic=Topic.ENGINES, title=each.title, verdicts=verdicts)


class ListedMachines:
    """Several engines, here and elsewhere, that the settings name. Each is asked for itself."""

    def __init__(self, subject: Subject, deadline: float) -> None:
        """Begin to ask."""
        self._asked = subject
        run = uuid4().hex[:12]

        def pending(number: int) -> Pending[EngineFacts]:
            entry = subject.engines[number]
            return Pending(
                f"engine {entry.name}", lambda: listed_engine_facts(entry, subject, f"{run}-{number}"), deadline
            )

        self._engines = tuple(pending(number) for number in range(len(subject.engines)))

    @cached_property
    def subject(self) -> Subject:
        """See `Machines`. An engine that does not answer counts as what the settings say that it is."""
        known = {each.name: each.host for each in self.answering}
        hosts = (
            known.get(entry.name) or (None if entry.arch is None else Host(machine=entry.arch))
            for entry in self._asked.engines
        )
        return self._asked.with_plan_for(joined_hosts(hosts))

    @property
    def answering(self) -> tuple[EngineFacts, ...]:
        """See `Machines`."""
        found = (engine.facts() for engine in self._engines)
        return tuple(facts for facts in found if not isinstance(facts, Trouble))

    @property
    def used(self) -> tuple[EngineFacts, ...]:
        """See `Machines`."""
        return tuple(each for each in self.answering if each.has_answered)

    @property
    def unseen(self) -> str:
        """See `Machines`."""
        if not self.used:
            return "no engine answers"
        return "; ".join(f"engine {each.name}: {_unseen(each)}" for each in self.used if _report(each) is None)

    def mistakes(self) -> Iterator[Verdict]:
        """See `Machines`."""
        yield from judge_mistakes(self.answering)

    def sections(self) -> Iterator[Section]:
        """See `Machines`."""
        for entry, engine in zip(self._asked.engines, self._engines, strict=True):
            facts = engine.facts()
            if isinstance(facts, Trouble):
                yield Section(topic=Topic.ENGINES, title=f"Engine {entry.name}", verdicts=(facts.verdict(),))
                continue
            # Whether it can be done without is a matter of the others.
            verdicts = tuple(judge_listed(facts, self.answering))
            yield Section(topic=Topic.ENGINES, title=facts.title, verdicts=verdicts)
        project = self.subject.project
        if project is not None:
            there = joined_hosts(each.host for each in self.used)
            verdicts = tuple(judge_cells(project.plan.jobs, there))
            yield Section(topic=Topic.ENGINES, title="Engines together", verdicts=verdicts)


class ClusterMachines:
    """The workers of a cluster, whose engines only they can ask."""

    answering: tuple[EngineFacts, ...] = ()
    used: tuple[EngineFacts, ...] = ()
    unseen = "they are on the cluster's workers"

    def __init__(self, subject: Subject, deadline: float) -> None:
        """Begin to ask."""
        self._asked = subject
        self._cluster: Pending[ClusterFacts] = Pending("the cluster", lambda: cluster_facts(subject), deadline)

    @cached_property
    def subject(self) -> Subject:
        """See `Machines`."""
        found = self._cluster.facts()
        return self._asked.with_plan_for(None if isinstance(found, Trouble) else offered_host(found.offers))

    def mistakes(self) -> Iterator[Verdict]:
        """See `Machines`."""
        yield from ()

    def sections(self) -> Iterator[Section]:
        """See `Machines`."""
        found = self._cluster.facts()
        if isinstance(found, Trouble):
            yield Section(topic=Topic.CLUSTER, title="Cluster", verdicts=(found.verdict(),))
            return
        project = self.subject.project
        jobs = () if project is None else project.plan.jobs
        verdicts = (*judge_scheduler(found), *judge_workers(found), *judge_offers(jobs, found))
        yield Section(topic=Topic.CLUSTER, title="Cluster", verdicts=verdicts)


def _report(engine: EngineFacts) -> object:
    return None if engine.look is None else engine.look.report


def _unseen(engine: EngineFacts) -> str:
    return "no image is there to open one of" if engine.look is None else f"{engine.look.image} cannot be looked into"
