"""Verdicts that follow from facts which a test machine does not have: other engines, clocks, plans, proxies."""

import os
import time
from pathlib import Path

import pytest
from engine_surroundings import surroundings
from msgspec.structs import replace
from planning import job_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.kinds.values import EngineChoice
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.disks.disk_needs import CELL, DOWNLOADS, IMAGE
from matrix_runner.disks.disk_space import Space
from matrix_runner.doctor.clock import judge_clock, seconds_ahead
from matrix_runner.doctor.container_engines import ContainerLook, EngineFacts, judge_engine
from matrix_runner.doctor.disk import engine_need, judge_disk, own_need
from matrix_runner.doctor.gathering.pending import Pending
from matrix_runner.doctor.git_checkout import GitFacts, judge_git
from matrix_runner.doctor.index import Seen, judge_indexes
from matrix_runner.doctor.place import Asked, PlaceReport
from matrix_runner.doctor.planned import judge_project
from matrix_runner.doctor.proxy import named_proxies
from matrix_runner.doctor.subject import ExaminedProject, Purpose, Subject
from matrix_runner.doctor.verdict import Level, Trouble, Verdict
from matrix_runner.engine.api import EngineInfo
from matrix_runner.engine.local.local_engine import LocalEngine
from matrix_runner.errors import EngineError, MachineError
from matrix_runner.matrix import Execution, Plan
from matrix_runner.project.version_source import git_version_tool

INFO = EngineInfo(name="docker", version="28", machine="x86_64", endpoint="tcp://elsewhere:2376")


@pytest.fixture(name="subject")
def _subject(tmp_path: Path) -> Subject:
    """Return a machine on which a build would use containers, two cells at once."""
    around = surroundings(tmp_path, os.environ)
    return Subject(
        environ={},
        surroundings=around,
        local=LocalEngine(run="r", surroundings=around),
        choice=EngineChoice.AUTO,
        wants_containers=True,
        places=((Purpose.OUTPUT, tmp_path / "out"), (Purpose.SCRATCH, tmp_path / "runs")),
        workers=2,
    )


def planned(subject: Subject, *cells: str, **more: object) -> Subject:
    """Return the subject with a project whose plan has these cells."""
    known, settings = catalog.load(), settings_with({}, project_name="demo")
    jobs = tuple(replace(job_for(cell, known, settings), **more) for cell in cells)
    directory = Path("/nowhere")
    project = ExaminedProject(directory=directory, plan=Plan(jobs=jobs, left_out=()), files=BuildFiles(directory))
    return replace(subject, project=project)


def named(verdicts: object) -> dict[str, Verdict]:
    """Return verdicts by name."""
    assert hasattr(verdicts, "__iter__")
    return {one.name: one for one in verdicts}


def test_what_a_run_takes_of_the_engine_s_disk(subject: Subject) -> None:
    """Images that are missing, and cells that run at once; without a plan two images are assumed."""
    engine = EngineFacts(choice=EngineChoice.DOCKER, info=INFO, missing=("a", "b", "c"))
    assert engine_need(engine, subject) == 2 * IMAGE + 2 * CELL + DOWNLOADS
    one = planned(subject, "cp311-manylinux_x86_64")
    assert engine_need(engine, one) == 3 * IMAGE + CELL + DOWNLOADS
    assert engine_need(replace(engine, missing=()), one) == CELL + DOWNLOADS


def test_what_a_run_takes_of_other_disks(subject: Subject) -> None:
    """Wheels as large as the last ones, and the cells themselves where there are no containers."""
    known = planned(subject, "cp311-manylinux_x86_64")
    assert known.project is not None
    known = replace(known, project=replace(known.project, wheel_bytes=10**9))
    assert own_need(Purpose.OUTPUT, known) == 2 * 10**9
    here = replace(subject, wants_containers=False)
    assert own_need(Purpose.SCRATCH, here) == 2 * CELL + DOWNLOADS > own_need(Purpose.SCRATCH, subject)


def test_what_lies_on_one_disk_is_added_up(subject: Subject) -> None:
    """Each place alone would have room, and both together have not."""
    engine = EngineFacts(choice=EngineChoice.DOCKER, info=replace(INFO, storage="/var/lib/docker"))
    need = engine_need(engine, subject)
    space = Space(directory="/", device=7, free=need, size=2 * need)
    own = {Purpose.OUTPUT: space, Purpose.SCRATCH: space}
    verdicts = list(judge_disk(own, (replace(engine, space=space),), subject))
    assert [one.name for one in verdicts] == ["disk-low"]
    apart = replace(space, device=8)
    own = {Purpose.OUTPUT: apart, Purpose.SCRATCH: apart}
    verdicts = list(judge_disk(own, (replace(engine, space=space),), subject))
    assert [one.name for one in verdicts] == ["disk", "disk"]


def test_the_disk_of_an_engine_elsewhere(subject: Subject) -> None:
    """It is seen from within a container, or not at all."""
    engine = EngineFacts(choice=EngineChoice.DOCKER, info=INFO)
    unseen = named(judge_disk({}, (engine,), subject))["disk-unseen"]
    assert unseen.level is Level.UNKNOWN
    report = PlaceReport(indexes=(), knocks={}, free=1024**2, size=1024**3)
    seen = replace(engine, look=ContainerLook(image="i", report=report))
    assert named(judge_disk({}, (seen,), subject))["disk-full"].level is Level.ERROR


def test_a_container_that_cannot_be_opened() -> None:
    """Then no cell can: the engine's reason is told."""
    error = EngineError("no", hint="do")
    facts = EngineFacts(choice=EngineChoice.DOCKER, info=INFO, look=ContainerLook(image="i", error=error))
    verdicts = named(judge_engine(facts, (facts,), EngineChoice.AUTO))
    assert (verdicts["container-refused"].level, verdicts["container-refused"].remedy) == (Level.ERROR, "do")
    assert verdicts["emulators-unseen"].level is Level.UNKNOWN


def test_an_engine_that_nobody_named_may_be_silent() -> None:
    """Where nothing names one, a build is for this machine itself."""
    facts = EngineFacts(choice=EngineChoice.PODMAN, error=EngineError("silent", hint="start it"))
    (verdict,) = judge_engine(facts, (facts,), EngineChoice.AUTO)
    assert (verdict.level, verdict.remedy) == (Level.OK, "start it")
    (verdict,) = judge_engine(replace(facts, is_named=True), (facts,), EngineChoice.AUTO)
    assert verdict.level is Level.ERROR
    answering = EngineFacts(choice=EngineChoice.DOCKER, info=INFO)
    (verdict,) = judge_engine(facts, (answering, facts), EngineChoice.AUTO)
    assert (verdict.level, verdict.remedy) == (Level.OK, None)


def asked(**more: object) -> Asked:
    """Return an index that has answered."""
    known = {"url": "http://i/simple", "origin": "PIP_INDEX_URL", "is_main": True, "outcome": "answered", "status": 200}
    return replace(Asked(**known), **more)  # type: ignore[arg-type]


def report(*indexes: Asked) -> PlaceReport:
    """Return what is seen from a place."""
    return PlaceReport(indexes=indexes, knocks={}, free=0, size=0)


def test_an_index_counts_where_cells_run() -> None:
    """One that only this machine cannot reach is no error where cells run in containers, and the other way round."""
    dead = asked(outcome="name", status=0)
    here, inside = Seen(words="here", builds=False, report=report(dead)), Seen(words="in", builds=True, report=report())
    assert named(judge_indexes((here, inside)))["index-unreachable"].level is Level.WARNING
    inside = replace(inside, report=report(dead))
    levels = [one.level for one in judge_indexes((here, inside)) if one.name == "index-unreachable"]
    assert levels == [Level.WARNING, Level.ERROR]


def test_an_index_that_answers_everywhere_is_told_once() -> None:
    """With all the places it answers from; why containers were not asked is said."""
    places = (
        Seen(words="here", builds=False, report=report(asked())),
        Seen(words="there", builds=True, report=report(asked())),
    )
    (verdict,) = judge_indexes(places)
    assert verdict.text.endswith("from here and from there")
    assert named(judge_indexes(places[:1], "no engine answers"))["index-unseen"].level is Level.UNKNOWN


def test_a_certificate_that_is_wrong_by_the_clock() -> None:
    """OpenSSL says so, and then the clock is to blame as likely as the certificate."""
    wrong = asked(outcome="certificate", status=0, code=9, said="certificate is not yet valid")
    (verdict,) = judge_indexes((Seen(words="here", builds=True, report=report(wrong)),))
    assert "clock" in str(verdict.remedy)


def test_an_index_that_pip_does_not_name() -> None:
    """Without pip its default is not known: nothing is said against it."""
    unknown = asked(url="", outcome="unknown", status=0)
    assert named(judge_indexes((Seen(words="here", builds=True, report=report(unknown)),)))["index-unknown"].level is (
        Level.UNKNOWN
    )


def test_the_difference_of_clocks() -> None:
    """Whole seconds, the time of the exchange and a cache's age are no difference."""
    at = 1_000_000.9
    assert seconds_ahead(asked(clock=1_000_000.0, asked=at, answered=at + 0.2)) == 0
    assert seconds_ahead(asked(clock=999_950.0, age=60.0, asked=at, answered=at)) == 0
    assert seconds_ahead(asked(clock=1_000_100.0, asked=at, answered=at)) == pytest.approx(99.1)
    assert seconds_ahead(asked(clock=999_900.0, asked=at, answered=at)) == pytest.approx(-99.9)


@pytest.mark.parametrize(
    ("ahead", "name"), [(0.4, "clock"), (-1.9, "clock"), (90.0, "clock-skew"), (-3.0, "clock-skew")]
)
def test_the_engine_s_clock(ahead: float, name: str) -> None:
    """Seconds count, as make compares times of files."""
    facts = EngineFacts(choice=EngineChoice.DOCKER, info=replace(INFO, clock_ahead=ahead))
    (verdict,) = judge_clock((facts,), None)
    assert (verdict.name, verdict.facts["seconds_ahead"]) == (name, ahead)


def test_proxies_as_they_are_named() -> None:
    """With and without a scheme or a port; each once, under the name that is set."""
    environ = {
        "http_proxy": "proxy:3128",
        "HTTP_PROXY": "proxy:3128",
        "HTTPS_PROXY": "https://p.example",
        "no_proxy": "x",
    }
    found = {proxy.variable: (proxy.host, proxy.port) for proxy in named_proxies(environ)}
    assert found == {"http_proxy": ("proxy", 3128), "HTTPS_PROXY": ("p.example", 443)}
    for value, is_loopback in (("localhost:1", True), ("127.9.9.9:1", True), ("[::1]:1", True), ("10.0.0.1:1", False)):
        (proxy,) = named_proxies({"all_proxy": f"socks5://{value}"})
        assert proxy.is_loopback is is_loopback
    for value in ("http://", "a b:1", "http://h:port", "ftp://h"):
        assert [proxy.host for proxy in named_proxies({"http_proxy": value})] == [""]


def test_cells_without_an_emulator(subject: Subject) -> None:
    """They are in the plan, and cannot run."""
    verdicts = named(judge_project(planned(subject, "cp311-manylinux_s390x", execution=Execution.NONE)))
    assert verdicts["emulator-missing"].level is Level.ERROR
    assert "s390x" in str(verdicts["emulator-missing"].remedy)
    assert named(judge_project(planned(subject)))["plan-empty"].level is Level.WARNING


def test_git_that_is_too_old() -> None:
    """And one that is not."""
    assert named(judge_git((GitFacts(version="git version 2.17.1"),)))["git-old"].level is Level.WARNING
    assert list(named(judge_git((GitFacts(version="git version 2.39.5"),)))) == ["git"]


@pytest.mark.parametrize(
    ("files", "tool"),
    [
        ({"pyproject.toml": '[build-system]\nrequires = ["hatchling", "hatch_vcs>=1"]'}, "hatch-vcs"),
        ({"pyproject.toml": '[build-system]\nrequires = ["setuptools_scm"]\n[project]\nversion = "1"'}, None),
        ({"pyproject.toml": '[tool.pdm.version]\nsource = "scm"'}, "pdm-backend"),
        ({"setup.py": "from setuptools import setup\nsetup(use_scm_version=True)"}, "setuptools-scm"),
        ({"setup.py": "setup(setup_requires=['pbr'], pbr=True)"}, "pbr"),
        ({"setup.cfg": "[versioneer]\nVCS = git"}, "versioneer"),
        ({"setup.py": "setup(version='1')"}, None),
        ({"pyproject.toml": "not TOML ["}, None),
    ],
)
def test_the_tool_that_takes_the_version_from_tags(tmp_path: Path, files: dict[str, str], tool: str | None) -> None:
    """By what the build requires, and by what setup.py and setup.cfg say."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert git_version_tool(BuildFiles(tmp_path)) == tool


def test_facts_that_cannot_be_gathered() -> None:
    """An error of the machine is told as such, a bug as one; what hangs is waited for until the deadline, and left."""

    def broken() -> int:
        raise MachineError("it is broken", hint="mend it")

    def mistaken() -> int:
        raise ValueError("no such thing")

    soon = time.monotonic() + 20
    refused, bug = Pending("a", broken, soon).facts(), Pending("b", mistaken, soon).facts()
    assert refused == Trouble(text="it is broken", remedy="mend it", is_certain=True)
    assert isinstance(bug, Trouble)
    assert "ValueError" in bug.text
    late = Pending("a disk", lambda: time.sleep(60), time.monotonic() + 0.05).facts()
    assert isinstance(late, Trouble)
    assert late.text.startswith("a disk cannot be examined")
