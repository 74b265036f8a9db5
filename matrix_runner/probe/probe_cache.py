"""Cached results of image probes from run to run, so that a run without changes starts no container.

An image's id is a digest of its content, so a probe's result stays valid. Uncertain results are not stored: an
interpreter or tool that did not start, or an interpreter that is installed on demand.
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from matrix_runner import __version__
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.digests import text_digest
from matrix_runner.engine.api import Engine, ResolvedImage
from matrix_runner.errors import MachineError
from matrix_runner.json_values import NotJson, decode
from matrix_runner.matrix import Job
from matrix_runner.probe.image_probe import ImageKey, ProbedImage, display_name, wanted_interpreters
from matrix_runner.probe.probed_images import ProbedImages, jobs_by_any_image
from matrix_runner.recipe.image_facts import ImageFacts
from matrix_runner.recipe.probing.probe_script import probe_request
from matrix_runner.store.store import Store

T = TypeVar("T")

_KIND = "facts"


class _ProbeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A probe's result. `asked`: the probed interpreters; nothing is known of others."""

    facts: ImageFacts
    is_disposable: bool
    asked: frozenset[str]


class CachedProbe(msgspec.Struct, frozen=True, kw_only=True):
    """An image's cached probe. `is_here`: whether the engine has the image, so that cells can run in it.

    An image pinned by digest is known even if it is absent: cached cells can be delivered all the same.
    """

    image: ProbedImage
    is_here: bool


class ProbeCache:
    """The cache of probe results, in the store's notes."""

    def __init__(self, store: Store, machine: str) -> None:
        """`machine`: the engine's own `uname -m`, which decides how programs of an image run."""
        self._store = store
        self._machine = machine

    def find(self, engine: Engine, key: ImageKey, jobs: Sequence[Job]) -> CachedProbe | None:
        """Return an image that is present or pinned, and was probed for these jobs; else None. Pulls nothing."""
        try:
            image = engine.find(key.reference)
        except MachineError:
            return None
        is_here = image is not None
        image = image or self._pinned(key)
        if image is None:
            return None
        known, asked = self._read(image, key, jobs), wanted_interpreters(key, jobs)
        if known is None or not known.asked.issuperset(asked):
            return None
        interpreters = tuple(one for one in known.facts.interpreters if one.directory in asked)
        probed = ProbedImage(
            reference=key.reference,
            display_name=display_name(key.reference),
            image=image,
            arch=key.arch,
            facts=replace(known.facts, interpreters=interpreters),
            is_disposable=known.is_disposable,
        )
        return CachedProbe(image=probed, is_here=is_here)

    def keep(self, key: ImageKey, probed: ProbedImage, jobs: Sequence[Job]) -> None:
        """Store a probe's result, if it is certain. Raise OutputError."""
        facts = probed.facts
        if facts.broken or not (facts.machine and facts.libc_version and facts.elf):
            return
        if not key.is_rung and any(
            probed.problem(job) is not None or probed.to_install(job) is not None for job in jobs
        ):
            return
        asked = frozenset(wanted_interpreters(key, jobs))
        before = self._read(probed.image, key, jobs)
        if before is not None:
            others = (one for one in before.facts.interpreters if one.directory not in asked)
            facts = replace(facts, interpreters=(*facts.interpreters, *others))
            asked |= before.asked
        content = msgspec.json.encode(_ProbeRecord(facts=facts, is_disposable=probed.is_disposable, asked=asked))
        self._store.write_note(_KIND, self._name(probed.image, key, jobs), content)
        if _is_pinned(key):
            self._store.write_note(_KIND, _pin(key), msgspec.json.encode(probed.image))

    def _read(self, image: ResolvedImage, key: ImageKey, jobs: Sequence[Job]) -> _ProbeRecord | None:
        content = self._store.note(_KIND, self._name(image, key, jobs))
        return None if content is None else _decoded(content, _ProbeRecord)

    def _pinned(self, key: ImageKey) -> ResolvedImage | None:
        content = self._store.note(_KIND, _pin(key)) if _is_pinned(key) else None
        return None if content is None else _decoded(content, ResolvedImage)

    def _name(self, image: ResolvedImage, key: ImageKey, jobs: Sequence[Job]) -> str:
        arguments = jobs[0].settings[CONTAINER_ENGINE].arguments.words
        probe = probe_request("", (), asks_system=key.is_rung).argv
        return text_digest("facts", __version__, image.id, str(key.arch), self._machine, *arguments, "", *probe)


def _is_pinned(key: ImageKey) -> bool:
    return "@sha256:" in key.reference


def _pin(key: ImageKey) -> str:
    return text_digest("image", key.reference, str(key.arch))


def _decoded(content: bytes, kind: type[T]) -> T | None:
    try:
        return decode(content, kind)
    except NotJson:
        return None


def recall_images(cache: ProbeCache, engine: Engine, jobs: Sequence[Job]) -> ProbedImages:
    """Return the jobs' images from cached probes. Pulls and starts nothing."""
    found = {key: cache.find(engine, key, own) for key, own in jobs_by_any_image(jobs).items()}
    known = {key: one for key, one in found.items() if one is not None}
    return ProbedImages(
        found={key: one.image for key, one in known.items()},
        absent=(key for key, one in known.items() if not one.is_here),
    )
