"""Verdicts on machines elsewhere that a test does not have: several engines, a cluster's workers, their cells."""

from pathlib import Path

import pytest
from engine_surroundings import surroundings
from msgspec.structs import replace
from planning import job_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.kinds.values import EngineChoice, EngineEntry
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.doctor.container_engines import EngineFacts
from matrix_runner.doctor.git_checkout import GitFacts, judge_git
from matrix_runner.doctor.machines.cluster_workers import (
    ClusterFacts,
    WorkerFacts,
    judge_offers,
    judge_scheduler,
    judge_workers,
)
from matrix_runner.doctor.machines.listed_engines import is_open, judge_listed, judge_mistakes
from matrix_runner.doctor.machines.unserved_cells import judge_cells
from matrix_runner.doctor.place import without_login
from matrix_runner.doctor.planned import judge_project
from matrix_runner.doctor.subject import ExaminedPackage, ExaminedProject, Subject
from matrix_runner.doctor.verdict import Level, Verdict
from matrix_runner.engine.api import EngineInfo, ResolvedImage
from matrix_runner.engine.cluster.dask_client import ClusterWorker
from matrix_runner.engine.cluster.worker_engine import Greeting
from matrix_runner.engine.cluster.worker_offers import START, offer_of
from matrix_runner.engine.local.local_engine import LocalEngine
from matrix_runner.engine.node import joined_hosts
from matrix_runner.errors import ConfigError, EngineError, UsageError
from matrix_runner.matrix import Host, Job, Plan
from matrix_runner.model.platforms import Arch

HERE = Greeting(version="0.1.0", python="3.11.7", dask="2026.8.0")


def jobs(*cells: str) -> tuple[Job, ...]:
    """Return the jobs of cells."""
    known, settings = catalog.load(), settings_with({}, project_name="demo")
    return tuple(job_for(cell, known, settings) for cell in cells)


def engine(name: str, machine: Arch | None = Arch.X86_64, **more: object) -> EngineFacts:
    """Return an engine of the list that answers; one that does not for no machine."""
    arch = more.pop("arch", None)
    entry = EngineEntry(name=name, endpoint=f"ssh://{name}", arch=arch)  # type: ignore[arg-type]
    if machine is None:
        facts = EngineFacts(choice=EngineChoice.DOCKER, entry=entry, error=EngineError("silent", hint="start it"))
    else:
        info = EngineInfo(name="docker", version="28", machine=str(machine), endpoint=entry.endpoint, processors=8)
        facts = EngineFacts(choice=EngineChoice.DOCKER, entry=entry, info=info, host=Host(machine=machine), slots=8)
    return replace(facts, **more)


def named(verdicts: object) -> dict[str, Verdict]:
    """Return verdicts by name."""
    assert hasattr(verdicts, "__iter__")
    return {one.name: one for one in verdicts}


def test_an_engine_that_answers() -> None:
    """Product, release, machine, processors and cells at once; Podman by its name."""
    facts = engine("arm", Arch.AARCH64)
    verdict = named(judge_listed(facts, [facts]))["engine"]
    assert verdict.text == "docker 28 at ssh://arm, aarch64, 8 processors, 8 cells at once"
    assert verdict.facts["slots"] == 8
    assert facts.info is not None
    podman = replace(facts, info=replace(facts.info, version="Podman 5.4"))
    assert named(judge_listed(podman, [podman]))["engine"].text.startswith("Podman 5.4 at ssh://arm")


def test_an_engine_that_is_silent_is_spared_if_another_has_its_architecture() -> None:
    """As a build does: without one of it, or if it is not said of which it is, the build ends."""
    there = engine("here")
    for gone, level in (
        (engine("gone", None, arch=Arch.X86_64), Level.WARNING),
        (engine("gone", None, arch=Arch.AARCH64), Level.ERROR),
        (engine("gone", None), Level.ERROR),
    ):
        verdict = named(judge_listed(gone, [there, gone]))["engine-silent"]
        assert (verdict.level, verdict.remedy) == (level, "start it")
        assert ("leaves it out" in verdict.text) is (level is Level.WARNING)


def test_an_engine_that_is_another_machine_than_is_said() -> None:
    """A 32-bit architecture is one of its 64-bit machine."""
    wrong, right = engine("arm", arch=Arch.AARCH64), engine("narrow", arch=Arch.I686)
    (verdict,) = judge_mistakes([wrong, right, engine("free"), engine("gone", None, arch=Arch.AARCH64)])
    assert (verdict.name, verdict.about, verdict.level) == ("engine-arch-wrong", "arm", Level.ERROR)


@pytest.mark.parametrize(
    ("endpoint", "is_it"),
    [
        ("tcp://arm.example:2375", True),
        ("tcp://10.0.0.1:2375", True),
        ("tcp://127.0.0.1:2375", False),
        ("tcp://[::1]:2375", False),
        ("tcp://localhost:2375", False),
        ("tls://arm.example:8786", False),
        ("ssh://arm.example", False),
        ("unix:///var/run/docker.sock", False),
    ],
)
def test_who_else_may_reach_an_address(endpoint: str, is_it: bool) -> None:  # noqa: FBT001
    """Without TLS everybody on the network."""
    assert is_open(endpoint) is is_it


def test_an_engine_without_tls() -> None:
    """It is told, although a build would go well."""
    facts = engine("arm", is_encrypted=False)
    assert named(judge_listed(facts, [facts]))["engine-unencrypted"].level is Level.WARNING
    assert "engine-unencrypted" not in named(judge_listed(engine("arm"), [facts]))


def test_images_of_several_engines() -> None:
    """Those that are missing are fetched, except what is made here; another one of the same name is of no use."""
    one, other = ResolvedImage(reference="r/a@sha256:0", id="1"), ResolvedImage(reference="r/a@sha256:0", id="2")
    first = engine("here", images=(one,))
    assert named(judge_listed(first, [first]))["images"].facts == {"images": 1, "missing": 0}
    lacking = engine("b", images=(one,), missing=("r/c@sha256:1", "own"), unmade=("own",))
    verdicts = named(judge_listed(lacking, [first, lacking]))
    assert (
        verdicts["images-missing"].text == "2 of 3 images of its cells missing, for a build to fetch or make: r/c, own"
    )
    assert verdicts["image-unmade"].level is Level.WARNING
    assert "image-differs" not in verdicts
    # A build makes it on the first engine.
    assert "image-unmade" not in named(judge_listed(lacking, [lacking, first]))
    differs = engine("b", images=(other,))
    assert named(judge_listed(differs, [first, differs]))["image-differs"].level is Level.WARNING
    # One of another machine is in charge of its own cells.
    arm = engine("arm", Arch.AARCH64, images=(other,))
    assert "image-differs" not in named(judge_listed(arm, [first, arm]))


def test_cells_that_no_engine_runs() -> None:
    """By architecture: native, by an emulator that is known, perhaps by one that is not seen, or not at all."""
    every = jobs("cp311-manylinux_x86_64", "cp312-manylinux_i686", "cp311-manylinux_aarch64", "cp312-manylinux_aarch64")
    near = Host(machine=Arch.X86_64, emulated=frozenset())
    levels = {one.about: one.level for one in judge_cells(every, near)}
    assert levels == {"x86_64": Level.OK, "i686": Level.OK, "aarch64": Level.ERROR}
    verdict = named(judge_cells(every, near))["cells-unserved"]
    assert "its 2 cells (cp311-manylinux_aarch64, cp312-manylinux_aarch64)" in verdict.text
    far = joined_hosts([near, Host(machine=Arch.X86_64)])
    assert named(judge_cells(every, far))["cells-uncertain"].level is Level.UNKNOWN
    emulating = replace(near, emulated=frozenset({Arch.AARCH64}))
    assert {one.name for one in judge_cells(every, emulating)} == {"cells-served"}
    assert {one.name for one in judge_cells(every, None)} == {"cells-unserved"}


def worker(name: str, *, threads: int = 2, problem: str = "", **resources: float) -> WorkerFacts:
    """Return a worker; without a problem one with an engine."""
    known = ClusterWorker(address=f"tcp://{name}", name=name, resources=resources or {"x86_64": 2}, threads=threads)
    info = EngineInfo(name="docker", version="28", machine="x86_64", endpoint="unix:///var/run/docker.sock")
    greeting = replace(HERE, engine=None if problem else info, problem=problem)
    found = offer_of(known, greeting)
    if isinstance(found, str):
        return WorkerFacts(worker=known, problem=found, greeting=greeting)
    return WorkerFacts(worker=known, offer=found, greeting=greeting)


def cluster(*workers: WorkerFacts, **more: object) -> ClusterFacts:
    """Return a cluster that answers."""
    facts = ClusterFacts(address="tls://s:8786", here=HERE, connected="tls://s:8786", scheduler=HERE, workers=workers)
    return replace(facts, **more)


@pytest.fixture(name="version", autouse=True)
def _version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matrix_runner.engine.cluster.worker_offers.__version__", "0.1.0")


def test_a_scheduler_that_cannot_be_used() -> None:
    """No connection, or one with another release: an error with what to do, and nothing of its workers."""
    error = EngineError("no", hint="do")
    silent = cluster(worker("a"), connected="", scheduler=None, error=error)
    assert [(one.name, one.level, one.remedy) for one in judge_scheduler(silent)] == [
        ("scheduler-silent", Level.ERROR, "do")
    ]
    assert list(judge_workers(silent)) == []
    unfit = cluster(scheduler=None, error=error)
    assert [one.name for one in judge_scheduler(unfit)] == ["scheduler-unfit"]


def test_a_scheduler_without_tls_and_of_another_release() -> None:
    """Both are told beside its answer."""
    other = replace(HERE, dask="2025.1.0", python="3.13.1")
    names = [one.name for one in judge_scheduler(cluster(scheduler=other, connected="tcp://s.example:8786"))]
    assert names == ["scheduler", "versions-differ", "cluster-unencrypted"]
    text = named(judge_scheduler(cluster(scheduler=other)))["versions-differ"].text
    assert "Dask 2025.1.0 there, 2026.8.0 here, Python 3.13 there, 3.11 here" in text
    patch = replace(HERE, python="3.11.2")
    assert [one.name for one in judge_scheduler(cluster(scheduler=patch))] == ["scheduler"]


def test_workers_that_are_alike_are_told_together() -> None:
    """A thousand workers are a line, with the first of their names."""
    many = cluster(*(worker(f"w{number}") for number in range(1000)), worker("other", x86_64=1))
    verdicts = list(judge_workers(many))
    assert [one.facts["workers"] for one in verdicts] == [1000, 1]
    assert verdicts[0].text.startswith("1000 workers (w0, w1, w2, w3 and 996 more), each: docker 28, x86_64;")


def test_workers_that_are_left_out() -> None:
    """Each with its reasons; without any other one that is an error."""
    gone, typo = worker("gone", problem="no socket"), worker("typo", arm64=4)
    both = worker("both", problem="no socket", GPU=1)
    verdicts = [one for one in judge_workers(cluster(worker("a"), gone, typo, both)) if one.name == "worker-left-out"]
    assert [one.level for one in verdicts] == [Level.WARNING] * 3
    assert [one.text.partition(": ")[2] for one in verdicts] == [
        "no socket",
        "it offers no architecture, but arm64=4; did you mean aarch64?",
        "it offers no architecture, but GPU=1; no socket",
    ]
    (verdict,) = judge_workers(cluster(gone))
    assert (verdict.level, verdict.remedy) == (Level.ERROR, START)
    assert named(judge_workers(cluster()))["no-worker"].level is Level.ERROR


def test_a_worker_with_few_threads() -> None:
    """It runs as many cells as it has threads, whatever it offers."""
    verdict = named(judge_workers(cluster(worker("a", threads=2, x86_64=4, s390x=2))))["worker-threads"]
    assert verdict.remedy == "start it with --nthreads 6"
    assert "worker-threads" not in named(judge_workers(cluster(worker("a", threads=2))))


def test_images_of_workers() -> None:
    """One that is fetched is told; one that is made here is a warning."""
    lacks = replace(worker("a"), missing=("r/x@sha256:0", "own"), unmade=("own",))
    verdicts = named(judge_workers(cluster(lacks, worker("b"))))
    assert (verdicts["worker-image-missing"].level, verdicts["worker-image-missing"].about) == (Level.OK, "a")
    assert verdicts["worker-image-unmade"].level is Level.WARNING


def test_what_nobody_offers() -> None:
    """Of the plan's architectures; a 32-bit one comes with the wider. Who would, and is left out, is named."""
    plan = jobs("cp311-manylinux_x86_64", "cp311-manylinux_i686", "cp311-manylinux_aarch64", "cp311-manylinux_armv7l")
    left = worker("arm", problem="no socket", aarch64=4)
    verdicts = list(judge_offers(plan, cluster(worker("a"), worker("b"), left)))
    assert [(one.name, one.about, one.level) for one in verdicts] == [
        ("architecture-offered", "x86_64", Level.OK),
        ("architecture-unoffered", "aarch64", Level.ERROR),
        ("architecture-unoffered", "armv7l", Level.ERROR),
    ]
    assert verdicts[0].text == "x86_64 and i686: 4 cells at once, on 2 workers"
    assert verdicts[1].text.endswith("for 1 cell (cp311-manylinux_aarch64); arm would, and cannot")
    assert "--resources 'aarch64=1'" in str(verdicts[2].remedy)
    # Where nobody offers anything, the reason is told with each worker.
    assert list(judge_offers(plan, cluster(left))) == []


@pytest.fixture(name="subject")
def _subject(tmp_path: Path) -> Subject:
    around = surroundings(tmp_path, {})
    return Subject(
        environ={},
        surroundings=around,
        local=LocalEngine(run="r", surroundings=around),
        choice=EngineChoice.AUTO,
        wants_containers=True,
        places=(),
        workers=2,
    )


def package(name: str, *mistakes: str) -> ExaminedPackage:
    """Return a package of a workspace."""
    files, wrong = BuildFiles(Path("/nowhere")), ConfigError(mistakes) if mistakes else None
    return ExaminedPackage(name=name, directory=Path(name), files=files, mistake=wrong)


def test_packages_of_a_workspace(subject: Subject) -> None:
    """Each with its cells."""
    own = tuple(replace(job, cell=job.cell.of_package("core")) for job in jobs("cp311-manylinux_x86_64"))
    project = ExaminedProject(
        directory=Path("/nowhere"), plan=Plan(jobs=own, left_out=()), files=BuildFiles(Path("/nowhere"))
    )
    verdicts = list(judge_project(replace(subject, project=project, packages=(package("core"), package("plugin")))))
    assert [(one.name, one.about, one.facts.get("cells")) for one in verdicts] == [
        ("package", "core", 1),
        ("package", "plugin", 0),
        ("plan", "", 1),
    ]


def test_mistakes_of_packages(subject: Subject) -> None:
    """Those of all packages; one of the table that they have in common once, and that of all together."""
    wrong = (package("core", "top", "core: x"), package("plugin", "top", "plugin: y"), package("fine"))
    verdicts = list(judge_project(replace(subject, packages=wrong, mistake=UsageError("together"))))
    assert [(one.about, one.text) for one in verdicts] == [
        ("core", "top"),
        ("core", "core: x"),
        ("plugin", "plugin: y"),
        ("", "together"),
    ]
    assert {one.level for one in verdicts} == {Level.ERROR}


def test_a_plan_is_made_for_the_machines_that_answer(subject: Subject) -> None:
    """What only they show to be wrong is a mistake like any other."""
    plan = Plan(jobs=(), left_out=())

    def plan_for(host: Host) -> Plan:
        if host.machine is Arch.S390X:
            raise UsageError("not there")
        return replace(plan, notes=(str(host.machine),))

    project = ExaminedProject(directory=Path("/x"), plan=plan, files=BuildFiles(Path("/x")), plan_for=plan_for)
    subject = replace(subject, project=project)
    assert subject.with_plan_for(None) is subject
    planned = subject.with_plan_for(Host(machine=Arch.AARCH64)).project
    assert planned is not None
    assert planned.plan.notes == ("aarch64",)
    refused = subject.with_plan_for(Host(machine=Arch.S390X))
    assert (refused.project, str(refused.mistake)) == (None, "not there")


def test_the_repository_of_several_packages() -> None:
    """Once for those that are alike, with their names where others are not."""
    facts = GitFacts(version="git version 2.39.5", directory="/r", is_read=True, packages=("core", "fast"))
    scm = replace(facts, tool="setuptools-scm", packages=("plugin",))
    first, second = [one.text for one in judge_git((facts, scm))][1:]
    assert first == "core, fast: a repository; no tool takes the version from its tags"
    assert second.startswith("plugin: setuptools-scm takes the version from git's tags, and there is none: ")
    assert [one.text for one in judge_git((facts,))][1:] == ["a repository; no tool takes the version from its tags"]


def test_names_of_users_are_no_passwords() -> None:
    """Of ssh; whatever stands before the host of another address may be a token."""
    assert without_login("ssh://builder@arm.example/x, see") == "ssh://builder@arm.example/x, see"
    assert without_login("ssh://builder:secret@arm.example") == "ssh://***@arm.example"
    assert without_login("https://token@index.example/simple") == "https://***@index.example/simple"
