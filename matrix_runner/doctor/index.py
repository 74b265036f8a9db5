"""Package indexes: whether those that pip and uv would use answer, from this machine and from a container. Pure."""

from collections.abc import Iterator
from typing import Final

import msgspec

from matrix_runner.doctor.place import Asked, PlaceReport
from matrix_runner.doctor.verdict import Level, Verdict
from matrix_runner.report.phrases import duration

_NOT_YET_VALID, _EXPIRED = 9, 10
"""OpenSSL's codes of a certificate that is wrong by the clock (x509_vfy.h)."""

_WHY: Final = {
    "name": "its name cannot be resolved",
    "silent": "no answer in time",
    "bundle": "the file of certificates cannot be read",
    "certificate": "its certificate is not trusted",
    "missing": "there is no such file or directory",
}
_REMEDY: Final = {
    "name": "look at DNS: /etc/resolv.conf here, `--dns` in create-args or the engine's configuration for containers",
    "silent": "look at firewalls; where only a proxy leads out, name it in HTTPS_PROXY: it reaches the cells",
    "bundle": "see Certificates; a `cert` in pip.conf counts too",
    "certificate": "name a bundle with the network's own authority in SSL_CERT_FILE: it reaches the cells",
    "failed": "look at the network, and at proxies and certificates (docs/how-to/recipes.md)",
    "missing": "correct {origin}",
}


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What is seen from one place. `words`: its name after "from". `builds`: whether cells of a build run there.

    `report`: None if it could not be looked at.
    """

    words: str
    builds: bool
    report: PlaceReport


def judge_indexes(places: tuple[Seen, ...], unseen: str = "") -> Iterator[Verdict]:
    """Yield a verdict on each index, as seen from each place; one on those that answer everywhere alike.

    `unseen`: why it is not known what cells see, in words after "containers:"; "" if it is.
    """
    answered: dict[str, list[str]] = {}
    for place in places:
        for asked in place.report.indexes:
            if _is_fine(asked):
                answered.setdefault(asked.url, []).append(place.words)
    told: set[str] = set()
    for place in places:
        if not place.report.indexes:
            text = f"nothing is asked from {place.words}: no-index is set, and no place of files"
            yield Verdict(name="no-index", about=place.words, text=text)
        for asked in place.report.indexes:
            if not _is_fine(asked):
                yield _trouble(asked, place)
            elif asked.url not in told:
                told.add(asked.url)
                yield _answer(asked, answered[asked.url])
    if unseen:
        yield Verdict(name="index-unseen", level=Level.UNKNOWN, text=f"not asked from containers: {unseen}")


def answers_from(place: PlaceReport) -> bool:
    """Whether requirements can be had there: an index that is looked in first answers, or there is none."""
    return all(_is_fine(asked) for asked in place.indexes if asked.is_main)


def _is_fine(asked: Asked) -> bool:
    return asked.outcome == "answered" and asked.status < 400


def _answer(asked: Asked, places: list[str]) -> Verdict:
    seconds = asked.answered - asked.asked
    found = f"answers in {duration(seconds)}" if asked.status else "is there"
    return Verdict(
        name="index",
        about=asked.url,
        text=f"{asked.url} ({asked.origin}) {found}, from {' and from '.join(places)}",
        facts={"origin": asked.origin, "seconds": round(seconds, 3)},
    )


def _trouble(asked: Asked, place: Seen) -> Verdict:
    where = f"{asked.url} ({asked.origin})"
    facts = {"origin": asked.origin, "status": asked.status or None, "place": place.words}
    if asked.outcome == "unknown":
        text = f"which index pip takes by default is not known from {place.words}, as its Python has no pip"
        return Verdict(name="index-unknown", level=Level.UNKNOWN, text=text, facts=facts)
    if asked.outcome == "answered":
        text, remedy = _refusal(asked)
        level = _level(asked, place) if asked.status != 404 else Level.WARNING
        return Verdict(
            name="index-refuses",
            level=level,
            about=asked.url,
            text=f"{where} {text}, asked from {place.words}",
            remedy=remedy,
            facts=facts,
        )
    remedy = _REMEDY.get(asked.outcome, _REMEDY["failed"]).format(origin=asked.origin)
    if asked.outcome == "certificate" and asked.code in {_NOT_YET_VALID, _EXPIRED}:
        remedy = "look at this machine's clock (`date`): by it the certificate is not valid at this time"
    words = [*([_WHY[asked.outcome]] if asked.outcome in _WHY else []), *([asked.said] if asked.said else [])]
    return Verdict(
        name="index-unreachable",
        level=_level(asked, place),
        about=asked.url,
        text=f"{where} cannot be reached from {place.words}: {': '.join(words)}",
        remedy=remedy,
        facts=facts,
    )


def _refusal(asked: Asked) -> tuple[str, str]:
    match asked.status:
        case 401 | 403:
            return f"wants a login ({asked.status})", f"give user and password in {asked.origin}, or in .netrc"
        case 407:
            return "is behind a proxy that wants a login (407)", "give user and password in HTTPS_PROXY"
        case 404:
            return "has no project pip (404)", f"is the address in {asked.origin} right? It ends in /simple mostly"
        case status:
            return f"answers with an error ({status})", "try again later, or name another index in PIP_INDEX_URL"


def _level(asked: Asked, place: Seen) -> Level:
    """Return how bad it is: pip goes on without an index that is one besides others."""
    return Level.ERROR if asked.is_main and place.builds else Level.WARNING
