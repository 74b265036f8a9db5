"""Container engines: which answer, what is in them, and whether a container can be opened. Pure."""

from collections.abc import Iterator

import msgspec

from matrix_runner.config.kinds.values import EngineChoice, EngineEntry
from matrix_runner.disks.disk_space import Space
from matrix_runner.doctor.place import PlaceReport
from matrix_runner.doctor.verdict import Level, Verdict
from matrix_runner.engine.api import EngineInfo, ResolvedImage
from matrix_runner.engine.emulation import is_on_this_kernel
from matrix_runner.errors import RunnerError
from matrix_runner.matrix import Host


class MadeImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image made on this machine, with its interpreters."""

    reference: str
    interpreters: tuple[str, ...]


class ContainerLook(msgspec.Struct, frozen=True, kw_only=True):
    """A look around in a container. `report`: None if that failed, for the reason `error`."""

    image: str
    report: PlaceReport | None = None
    error: RunnerError | None = None


class EngineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One container engine.

    `info`: None if it has not answered, for the reason `error`; `error` beside it: its images could not be listed.
    `is_named`: something on this machine names it, so that a build waits for it. `made`: images made here. `missing`:
    images of the plan that it does not have, of those that its cells need. `space`: where it keeps images and volumes,
    None if that is not seen from here. `look`: None where no image is there to open.

    `entry`: what the settings say of one of several engines (`engines`), None for this machine's own. For such a one:
    `host`, its machine; `images`, those of the plan that it has; `unmade`, those of `missing` that no registry has;
    `is_encrypted`, whether strangers on the network are kept from it; `slots`, the cells that it runs at once.
    """

    choice: EngineChoice
    info: EngineInfo | None = None
    error: RunnerError | None = None
    is_named: bool = False
    made: tuple[MadeImage, ...] = ()
    missing: tuple[str, ...] = ()
    space: Space | None = None
    look: ContainerLook | None = None
    entry: EngineEntry | None = None
    host: Host | None = None
    images: tuple[ResolvedImage, ...] = ()
    unmade: tuple[str, ...] = ()
    is_encrypted: bool = True
    slots: int | None = None

    @property
    def name(self) -> str:
        """The engine's name, as settings have it."""
        return str(self.choice) if self.entry is None else self.entry.name

    @property
    def title(self) -> str:
        """The engine's name for display."""
        return str(self.choice).capitalize() if self.entry is None else f"Engine {self.entry.name}"

    @property
    def has_answered(self) -> bool:
        """Whether containers can be had from it."""
        return self.info is not None and self.error is None


def serving(engines: tuple[EngineFacts, ...], choice: EngineChoice) -> EngineFacts | None:
    """Return the engine that a build would take, of those that answer: Docker before Podman."""
    wanted = [each for each in engines if choice in {EngineChoice.AUTO, each.choice}]
    return next((each for each in wanted if each.has_answered), None)


def judge_engine(facts: EngineFacts, engines: tuple[EngineFacts, ...], choice: EngineChoice) -> Iterator[Verdict]:
    """Yield the verdicts on one engine. `engines`: all of them, as one is enough."""
    info = facts.info
    if info is None:
        yield _silent(facts, engines, choice)
        return
    numbers = {"version": info.version, "endpoint": info.endpoint, "machine": info.machine, "memory": info.memory}
    yield Verdict(
        name="engine",
        about=str(facts.choice),
        text=f"{info.name} {info.version} at {info.endpoint}, {info.machine}",
        facts=numbers,
    )
    yield from judge_emulators(facts, info)
    if facts.error is not None:
        yield _silent(facts, engines, choice)
        return
    for made in facts.made:
        text = f"{made.reference}: {' '.join(made.interpreters)}"
        yield Verdict(name="image-made", about=made.reference, text=text)
    if not facts.made:
        text = "no image was made here; `runner image build` makes one where none can be pulled"
        yield Verdict(name="no-image-made", about=str(facts.choice), text=text)
    yield from judge_look(facts)


def judge_emulators(facts: EngineFacts, info: EngineInfo) -> Iterator[Verdict]:
    """Yield the verdict on emulators that are not seen."""
    if not is_on_this_kernel(info.endpoint):
        text = "which emulators that machine has cannot be seen from here"
        yield Verdict(name="emulators-unseen", level=Level.UNKNOWN, about=facts.name, text=text)


def judge_look(facts: EngineFacts) -> Iterator[Verdict]:
    """Yield the verdict on a container that could not be opened."""
    if facts.look is not None and facts.look.error is not None:
        yield Verdict(
            name="container-refused",
            level=Level.ERROR,
            about=facts.look.image,
            text=f"no container of {facts.look.image} can be opened: {facts.look.error.message}",
            remedy=facts.look.error.hint,
        )


def _silent(facts: EngineFacts, engines: tuple[EngineFacts, ...], choice: EngineChoice) -> Verdict:
    error = facts.error
    is_wanted = choice is facts.choice or (choice is EngineChoice.AUTO and facts.is_named)
    # Nobody needs both: where one serves, the other's silence is told without advice.
    is_needed = serving(engines, choice) is None
    return Verdict(
        name="engine-silent",
        level=Level.ERROR if is_wanted and is_needed else Level.OK,
        about=str(facts.choice),
        text="" if error is None else error.message,
        remedy=error.hint if error is not None and is_needed else None,
    )
