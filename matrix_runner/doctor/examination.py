"""The examination: every question in its order, as soon as its facts are there."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from msgspec.structs import replace

from matrix_runner.doctor.architectures import judge_architectures
from matrix_runner.doctor.ca_bundles import judge_bundles
from matrix_runner.doctor.clock import judge_clock
from matrix_runner.doctor.disk import judge_disk
from matrix_runner.doctor.gathering.git_facts import git_facts
from matrix_runner.doctor.gathering.machine_facts import architecture_facts, bundle_facts, local_facts, own_spaces
from matrix_runner.doctor.gathering.pending import SECONDS, Pending
from matrix_runner.doctor.gathering.place_facts import seen_from_here
from matrix_runner.doctor.git_checkout import judge_git
from matrix_runner.doctor.index import Seen, answers_from, judge_indexes
from matrix_runner.doctor.local_machine import judge_local
from matrix_runner.doctor.machine_examination import machines_for
from matrix_runner.doctor.place import PlaceReport, without_login
from matrix_runner.doctor.planned import judge_project
from matrix_runner.doctor.proxy import Reach, judge_proxies, named_proxies
from matrix_runner.doctor.subject import Subject
from matrix_runner.doctor.verdict import Section, Topic, Trouble, Verdict

T = TypeVar("T")

HERE = "this machine"


class Examination:
    """The facts about a subject, which are gathered side by side, and the sections that follow from them."""

    def __init__(self, subject: Subject) -> None:
        """Start to gather everything."""
        self._subject = subject
        deadline = time.monotonic() + SECONDS
        environ = subject.environ
        self._machines = machines_for(subject, deadline)
        self._here = Pending("the network", lambda: seen_from_here(environ, named_proxies(environ)), deadline)
        self._local = Pending("this machine", lambda: local_facts(subject), deadline)
        self._architectures = Pending("architectures", architecture_facts, deadline)
        self._spaces = Pending("disks", lambda: own_spaces(subject), deadline)
        self._bundles = Pending("certificates", lambda: bundle_facts(environ), deadline)
        self._git = Pending("git", lambda: git_facts(subject), deadline)

    def sections(self) -> Iterator[Section]:
        """Yield the sections, each as soon as its facts are there, without secrets."""
        readable = self._subject.redactor
        for section in self._sections():
            verdicts = (
                verdict.with_words(lambda text: readable.text(without_login(text))) for verdict in section.verdicts
            )
            yield replace(section, verdicts=tuple(verdicts))

    def _sections(self) -> Iterator[Section]:
        machines, subject = self._machines, self._subject
        # Else which cells there are depends on the machines that answer.
        is_planned = not subject.is_elsewhere or subject.has_mistakes
        if is_planned:
            yield Section(topic=Topic.PROJECT, title="Project", verdicts=tuple(judge_project(subject)))
        if subject.uses_this_kernel:
            yield _section(
                Topic.ARCHITECTURES, "Architectures of this machine", self._architectures.facts(), judge_architectures
            )
        yield from machines.sections()
        if not is_planned:
            subject = machines.subject
            verdicts = (*machines.mistakes(), *judge_project(subject))
            yield Section(topic=Topic.PROJECT, title="Project", verdicts=verdicts)
        yield _section(
            Topic.MACHINE,
            "This machine",
            self._local.facts(),
            lambda facts: judge_local(facts, is_engine=not subject.wants_containers),
        )
        used = machines.used
        yield _section(Topic.DISK, "Disk", self._spaces.facts(), lambda spaces: judge_disk(spaces, used, subject))
        yield _section(Topic.INDEX, "Package index", self._here.facts(), self._index_verdicts)
        yield Section(topic=Topic.PROXIES, title="Proxies", verdicts=tuple(judge_proxies(subject.environ, self._reach)))
        yield _section(
            Topic.CERTIFICATES,
            "Certificates",
            self._bundles.facts(),
            lambda facts: judge_bundles(facts, in_containers=subject.wants_containers),
        )
        yield _section(Topic.GIT, "Git", self._git.facts(), judge_git)
        here = self._seen_here
        yield Section(topic=Topic.CLOCK, title="Clock", verdicts=tuple(judge_clock(machines.answering, here)))

    @property
    def _seen_here(self) -> PlaceReport | None:
        found = self._here.facts()
        return None if isinstance(found, Trouble) else found

    def _index_verdicts(self, here: PlaceReport) -> Iterator[Verdict]:
        machines, subject = self._machines, self._subject
        seen = [Seen(words=HERE, builds=not subject.wants_containers, report=here)]
        for each in machines.used:
            if each.look is not None and each.look.report is not None:
                where = "" if each.entry is None else f" on engine {each.name}"
                words = f"a container of {each.look.image}{where}"
                seen.append(Seen(words=words, builds=True, report=each.look.report))
        yield from judge_indexes(tuple(seen), machines.unseen)

    @property
    def _reach(self) -> Reach:
        here = self._seen_here
        looks = [each.look.report for each in self._machines.used if each.look is not None]
        inside = [report for report in looks if report is not None]
        is_apart = self._subject.wants_containers and self._subject.arguments.network != "host"
        seen = inside if self._subject.wants_containers else [here] if here is not None else []
        return Reach(
            knocks={} if here is None else here.knocks,
            in_containers=is_apart,
            is_bypassed=bool(seen) and all(map(answers_from, seen)),
        )


def _section(topic: Topic, title: str, facts: T | Trouble, judge: Callable[[T], Iterable[Verdict]]) -> Section:
    verdicts = (facts.verdict(),) if isinstance(facts, Trouble) else tuple(judge(facts))
    return Section(topic=topic, title=title, verdicts=verdicts)
