"""The engines of `engines`: which answer, what they are, and whether each can do its part of a plan. Pure."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from matrix_runner.doctor.container_engines import EngineFacts, judge_emulators, judge_look
from matrix_runner.doctor.verdict import Level, Verdict
from matrix_runner.engine.api import EngineInfo, ResolvedImage
from matrix_runner.engine.remote.named_machines import is_spared, wrong_arch
from matrix_runner.model.platforms import Arch
from matrix_runner.nodes.helping_node import is_same
from matrix_runner.wording import counted, first_of, size_text

_FEW = 3


def machines_of(engines: Sequence[EngineFacts]) -> frozenset[Arch]:
    """Return the architectures of the engines that answer."""
    return frozenset(engine.host.machine for engine in engines if engine.host is not None)


def judge_mistakes(engines: Sequence[EngineFacts]) -> Iterator[Verdict]:
    """Yield a verdict on each engine whose machine is not the one that the configuration names."""
    for engine in engines:
        wrong = None
        if engine.entry is not None and engine.host is not None:
            wrong = wrong_arch(engine.entry, engine.host.machine)
        if wrong is not None:
            yield Verdict(
                name="engine-arch-wrong", level=Level.ERROR, about=engine.name, text=wrong.message, remedy=wrong.hint
            )


def judge_listed(facts: EngineFacts, engines: Sequence[EngineFacts]) -> Iterator[Verdict]:
    """Yield the verdicts on one engine. `engines`: all of them, in their order: the first makes images."""
    info = facts.info
    if info is None or facts.error is not None:
        yield _silent(facts, engines)
        if info is None:
            return
    yield _answers(facts, info)
    if not facts.is_encrypted:
        yield Verdict(
            name="engine-unencrypted",
            level=Level.WARNING,
            about=facts.name,
            text=f"{info.endpoint} is without TLS: whoever reaches that port is root on its machine",
            remedy="let the daemon listen with TLS (port 2376) and name the directory of certificates in `tls`, or use"
            " ssh://",
        )
    yield from judge_emulators(facts, info)
    yield from _images(facts)
    yield from _unlike(facts, engines)
    yield from judge_look(facts)


def is_open(endpoint: str) -> bool:
    """Whether an address without TLS is one that other machines may reach."""
    host = urlsplit(endpoint).hostname or ""
    return endpoint.startswith("tcp://") and host not in {"localhost", "::1"} and not host.startswith("127.")


def _answers(facts: EngineFacts, info: EngineInfo) -> Verdict:
    # Podman calls it as image metadata does (amd64).
    machine = str(Arch.of_machine(info.machine) or info.machine)
    offers = [machine]
    if info.processors is not None:
        offers.append(counted(info.processors, "processor"))
    if info.memory is not None:
        offers.append(f"{size_text(info.memory)} of memory")
    offers.append(f"{counted(facts.slots or 1, 'cell')} at once")
    product = info.version if info.version.startswith("Podman") else f"{info.name} {info.version}"
    return Verdict(
        name="engine",
        about=facts.name,
        text=f"{product} at {info.endpoint}, {', '.join(offers)}",
        facts={
            "version": info.version,
            "endpoint": info.endpoint,
            "machine": machine,
            "memory": info.memory,
            "processors": info.processors,
            "slots": facts.slots,
        },
    )


def _silent(facts: EngineFacts, engines: Sequence[EngineFacts]) -> Verdict:
    error, entry = facts.error, facts.entry
    spared = entry is not None and facts.info is None and is_spared(entry, machines_of(engines))
    left_out = f"; a build leaves it out, as another one is of {entry.arch}" if spared and entry is not None else ""
    return Verdict(
        name="engine-silent",
        level=Level.WARNING if spared else Level.ERROR,
        about=facts.name,
        text=("" if error is None else error.message) + left_out,
        remedy=None if error is None else error.hint,
        facts={"endpoint": "" if entry is None else entry.endpoint},
    )


def _images(facts: EngineFacts) -> Iterator[Verdict]:
    count = len(facts.images) + len(facts.missing)
    if not count:
        return
    numbers = {"images": count, "missing": len(facts.missing)}
    if not facts.missing:
        text = "the image of its cells is there" if count == 1 else f"all {count} images of its cells are there"
        yield Verdict(name="images", about=facts.name, text=text, facts=numbers)
        return
    named = first_of([_short(reference) for reference in facts.missing], _FEW)
    yield Verdict(
        name="images-missing",
        about=facts.name,
        text=f"{len(facts.missing)} of {counted(count, 'image')} of its cells missing, for a build to fetch or make:"
        f" {named}",
        facts=numbers,
    )


def _unlike(facts: EngineFacts, engines: Sequence[EngineFacts]) -> Iterator[Verdict]:
    """Yield verdicts on images without which an engine does not help with cells."""
    if facts is not engines[0]:
        for reference in facts.unmade:
            yield Verdict(
                name="image-unmade",
                level=Level.WARNING,
                about=facts.name,
                text=f"{reference} is made by `runner image build`, and a build makes it on engine {engines[0].name}"
                f" alone: {facts.name} runs no cells in it",
                remedy=f"bring it there: `docker -H {_endpoint(engines[0])} save {reference} | docker -H"
                f" {_endpoint(facts)} load`, or `runner image build` on its machine",
            )
    for image in facts.images:
        chief = _in_charge_of(image, facts, engines)
        if chief is not None and not any(is_same(image, other) for other in chief.images):
            yield Verdict(
                name="image-differs",
                level=Level.WARNING,
                about=facts.name,
                text=f"{_short(image.reference)} is another image there than on engine {chief.name}: {facts.name} does"
                " not help with its cells",
                remedy="pin the image by its digest, or fetch it anew on both",
            )


def _in_charge_of(image: ResolvedImage, facts: EngineFacts, engines: Sequence[EngineFacts]) -> EngineFacts | None:
    """Return the first engine of the same machine, if it is another one and has the image too."""
    if facts.host is None:
        return None
    first = next(each for each in engines if each.host is not None and each.host.machine is facts.host.machine)
    has_it = any(other.reference == image.reference for other in first.images)
    return first if first is not facts and has_it else None


def _endpoint(facts: EngineFacts) -> str:
    return "" if facts.entry is None else facts.entry.endpoint


def _short(reference: str) -> str:
    return reference.partition("@")[0]
