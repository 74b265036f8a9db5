"""Time: this machine's clock against those of engines and package indexes; TLS and file times depend on it. Pure."""

from collections.abc import Iterator

from matrix_runner.doctor.container_engines import EngineFacts
from matrix_runner.doctor.place import Asked, PlaceReport
from matrix_runner.doctor.verdict import Level, Verdict
from matrix_runner.report.phrases import duration

ENGINE_SECONDS = 2.0
"""The difference from an engine's clock up to which nothing is said: make compares file times to the second."""
INDEX_SECONDS = 60.0
"""The same for an index: certificates and tokens are valid from a certain second on."""


def judge_clock(engines: tuple[EngineFacts, ...], here: PlaceReport | None) -> Iterator[Verdict]:
    """Yield a verdict on each clock that is seen. `here`: what is seen from this machine."""
    for engine in engines:
        if engine.info is None or engine.info.clock_ahead is None:
            continue
        yield _verdict(
            engine.name,
            f"{engine.title}'s clock" if engine.entry is None else f"the clock of engine {engine.name}",
            ahead=engine.info.clock_ahead,
            most=ENGINE_SECONDS,
            remedy="have the engine's machine keep time (NTP); a virtual machine loses it when the computer sleeps:"
            " start it anew",
        )
    asked = None if here is None else next((each for each in here.indexes if each.clock is not None), None)
    if asked is not None:
        yield _verdict(
            asked.url,
            f"the clock of {asked.url}",
            ahead=seconds_ahead(asked),
            most=INDEX_SECONDS,
            remedy="set this machine's clock: `sudo timedatectl set-ntp true`, or `date`",
        )


def seconds_ahead(asked: Asked) -> float:
    """Return the seconds by which an index's clock is surely ahead of ours, negative if behind; 0 if it may be right.

    Its header has whole seconds, may have been in a cache for a while, and was written at some time of the exchange.
    """
    clock = asked.clock or 0.0
    earliest, latest = clock, clock + 1.0 + asked.age
    if earliest > asked.answered:
        return earliest - asked.answered
    return latest - asked.asked if latest < asked.asked else 0.0


def _verdict(about: str, whose: str, *, ahead: float, most: float, remedy: str) -> Verdict:
    facts = {"seconds_ahead": round(ahead, 3)}
    if abs(ahead) <= most:
        text = f"{whose} agrees with this machine's" + (f" within {duration(abs(ahead))}" if abs(ahead) >= 0.1 else "")
        return Verdict(name="clock", about=about, text=text, facts=facts)
    way = "ahead of" if ahead > 0 else "behind"
    return Verdict(
        name="clock-skew",
        level=Level.WARNING,
        about=about,
        text=f"{whose} is {duration(abs(ahead))} {way} this machine's: certificates and file times are judged wrongly",
        remedy=remedy,
        facts=facts,
    )
