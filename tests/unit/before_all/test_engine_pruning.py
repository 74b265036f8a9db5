"""What goes of what engines keep, and what `runner cache` says of it."""

import time
from contextlib import closing

from msgspec.structs import replace

from matrix_runner.before_all.engine_pruning import PREPARED_LIMIT, outdated, prune_engine, remove_all
from matrix_runner.before_all.prepared_images import LABEL_BASE
from matrix_runner.cli.wiring.engine_caches import EngineSection, UnknownSection
from matrix_runner.container.kept_cell import LABEL_KEPT_CELL
from matrix_runner.container.project_volumes import LABEL_IDENTITY, LABEL_PROJECT
from matrix_runner.engine.api import ContainerSpec, ImageMetadata, PersistentItem, PersistentKind, Volume
from matrix_runner.engine.fake.fake_engine import ANY_IMAGE, FakeEngine, FakeHost
from matrix_runner.errors import EngineError
from matrix_runner.model.platforms import Arch

DAY = 86400.0
NOW = 1000 * DAY


def image(name: str, *, days: float, project: str = "p", place: str = "i") -> PersistentItem:
    """Return a prepared image that was last used some days ago."""
    labels = ((LABEL_IDENTITY, project), (LABEL_BASE, place))
    used = NOW - days * DAY
    return PersistentItem(kind=PersistentKind.IMAGE, name=name, labels=labels, size=1, created=used, used=used)


def volume(name: str, *, days: float) -> PersistentItem:
    """Return a volume that was last used some days ago."""
    used = NOW - days * DAY
    return PersistentItem(kind=PersistentKind.VOLUME, name=name, labels=(), size=1, created=used, used=used)


def names(kept: tuple[PersistentItem, ...]) -> set[str]:
    """Return their names."""
    return {each.name for each in kept}


def test_what_nobody_used_goes() -> None:
    """By the time of its last use, whatever it is; not what this run uses; and never by age if that is 0."""
    kept = (image("old", days=8), image("new", days=6), volume("aged", days=8), volume("fresh", days=0))
    assert names(outdated(kept, max_age=7 * DAY, now=NOW)) == {"old", "aged"}
    assert names(outdated(kept, max_age=7 * DAY, now=NOW, in_use={"old"})) == {"aged"}
    assert outdated(kept, max_age=0, now=NOW) == ()


def test_the_latest_prepared_images_of_a_project_stay() -> None:
    """So many for each image of each project, besides those in use; volumes are not counted."""
    many = tuple(image(f"{number}", days=number) for number in range(PREPARED_LIMIT + 2))
    others = (image("other", days=50, project="q"), image("elsewhere", days=50, place="j"), volume("v", days=50))
    assert names(outdated((*many, *others), max_age=0, now=NOW)) == {"3", "4"}
    assert names(outdated((*many, *others), max_age=0, now=NOW, in_use={"0", "4"})) == set()


def test_a_kept_container_stays() -> None:
    """Whatever its age, and however many there are: somebody asked for it, and has to remove it."""
    kept = tuple(
        replace(image(f"debug:{number}", days=400), labels=((LABEL_KEPT_CELL, "note"), (LABEL_BASE, "i")))
        for number in range(PREPARED_LIMIT + 2)
    )
    assert outdated(kept, max_age=DAY, now=NOW) == ()


def filled_host() -> FakeHost:
    """Return a host on which a run has left an image and a volume."""
    host = FakeHost()
    labels = ((LABEL_PROJECT, "/home/me/project"),)
    shared = Volume(name="downloads", target="/matrix/downloads", labels=labels)
    with closing(FakeEngine(host=host, run="maker")) as engine:
        spec = ContainerSpec(image=ANY_IMAGE, arch=Arch.X86_64, name="cell", volumes=(shared,))
        with engine.open(spec) as container:
            container.snapshot(ImageMetadata(name="prepared:1", labels=labels, replaces=True, is_persistent=True))
    return host


def test_the_end_of_a_run_removes_what_is_old() -> None:
    """And only that."""
    host = filled_host()
    with closing(FakeEngine(host=host, run="later")) as engine:
        prune_engine(engine, max_age=7 * DAY, now=time.time(), in_use=())
        assert names(engine.persistent_items()) == {"prepared:1", "downloads"}
        prune_engine(engine, max_age=7 * DAY, now=time.time() + 8 * DAY, in_use={"downloads"})
        assert names(engine.persistent_items()) == {"downloads"}


class Stubborn(FakeEngine):
    """An engine that holds on to its volumes."""

    def remove_persistent(self, item: PersistentItem) -> None:
        """Refuse, as Docker does for what a container uses."""
        if item.kind is PersistentKind.VOLUME:
            raise EngineError("volume is in use")
        super().remove_persistent(item)


def test_what_is_in_use_stays() -> None:
    """The rest goes all the same, and `runner cache` says what it could not remove."""
    with closing(Stubborn(host=filled_host(), run="later")) as engine:
        lines = list(EngineSection(engine=engine, title="by the fake").clear())
        assert lines == ["removed 1 prepared image, 0 volumes, 0 B, by the fake", "downloads is in use: it stays"]
        assert names(remove_all(engine, engine.persistent_items())) == set()


def test_runner_cache_says_what_there_is() -> None:
    """By project, with purpose and name; nothing at all of an engine that keeps nothing."""
    with closing(FakeEngine(host=filled_host(), run="later")) as engine:
        section = EngineSection(engine=engine, title="by the fake")
        lines = list(section.listed())
        assert lines[:2] == ["1 prepared image, 1 volume, 0 B, by the fake", "  /home/me/project  0 B"]
        assert {line.split()[-1] for line in lines[2:]} == {"prepared:1", "downloads"}
        assert list(section.prune(None, None)) == []
        assert list(section.prune(None, -1.0)) == ["removed 1 prepared image, 1 volume, 0 B, by the fake"]
        assert list(section.listed()) == []


def test_an_engine_that_does_not_answer_is_named() -> None:
    """What it keeps cannot be said, nor removed, and the user learns why."""
    section = UnknownSection(title="by Docker", why="no daemon answers")
    expected = ["what is kept by Docker cannot be said: no daemon answers"]
    assert [list(section.listed()), list(section.prune(None, None)), list(section.clear())] == [expected] * 3
