"""The cache status of a cell for `runner explain`: the store, the probed image, and `cache.cache_history`."""

import queue
import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from matrix_runner.errors import RunnerError

if TYPE_CHECKING:
    from matrix_runner.cache.cache_history import CacheHistory
    from matrix_runner.cli.wiring.opened_project import OpenedProject, PlannedPlace
    from matrix_runner.config.loading.settings import Settings
    from matrix_runner.matrix import Job, Plan
    from matrix_runner.probe.image_probe import ProbedImage
    from matrix_runner.store.store import Store

_PATIENCE = 2.0
"""Seconds that an engine may take to list its images: `runner explain` must not hang on an unresponsive one."""


def history_of(identifier: str, opened: "OpenedProject", plan: "Plan", place: "PlannedPlace") -> "CacheHistory | None":
    """Return whether a build would take a cell from the cache, else the reason; None for a cell outside the plan.

    `place`: the engine and host of the plan. Starts nothing.
    """
    from matrix_runner.cache.cache_history import CacheHistory, HistoryQuestion, cache_history
    from matrix_runner.cache.cache_key import SharedInputs
    from matrix_runner.cache.sdist_cache import SdistQuestion, kept_contents
    from matrix_runner.cli.wiring.directories import cache_dir
    from matrix_runner.config.options.cache_options import NO_CACHE
    from matrix_runner.project.source_archive import survey
    from matrix_runner.store.store import Store

    job, settings = next((job for job in plan.jobs if str(job.cell) == identifier), None), opened.settings
    if job is None:
        return None
    if settings[NO_CACHE]:
        return CacheHistory(is_cached=False, text="it is built each time: no-cache is set")
    if place.engine.is_local:
        text = "it is built each time: what is built on this machine itself is not kept"
        return CacheHistory(is_cached=False, text=text)
    try:
        inputs, store = opened.inputs(plan), Store(cache_dir(settings))
        shared = SharedInputs.of(inputs, survey(inputs.source))
    except RunnerError as error:
        return CacheHistory(is_cached=False, text=f"what a build would do cannot be said: {error.message}")
    image_of = cache(_images(settings, store))
    maker = inputs.sdist_maker(place.host)
    if maker is not None:
        image = image_of(maker)
        question = None if image is None else SdistQuestion(inputs=inputs, maker=maker, image=image, shared=shared)
        sdist = None if question is None else kept_contents(store, question)
        if sdist is None:
            text = "it is built, unless a new sdist is the same as that of its last build: the sdist is built first"
            return CacheHistory(is_cached=False, text=text)
        shared = replace(shared, sdist=sdist)
    return cache_history(store, HistoryQuestion(inputs=inputs, job=job, shared=shared, image_of=image_of))


def _images(settings: "Settings", store: "Store") -> "Callable[[Job], ProbedImage | None]":
    """Return a function for the image of a job, as probed by an earlier run."""

    def ask(job: "Job") -> "ProbedImage | None":
        from matrix_runner.cli.wiring.directories import surroundings
        from matrix_runner.config.options.run_options import CONTAINER_ENGINE
        from matrix_runner.engine.selection import Patience, choose_container_engine
        from matrix_runner.probe.probe_cache import ProbeCache, recall_images

        no_wait = Patience(seconds=0, say=lambda _: None)
        try:
            chosen = choose_container_engine(settings[CONTAINER_ENGINE].name, "explain", surroundings(), no_wait)
            return recall_images(ProbeCache(store, chosen.info.machine), chosen.engine, (job,)).with_rungs(job)
        except RunnerError:
            return None

    def image_of(job: "Job") -> "ProbedImage | None":
        answer: queue.SimpleQueue[ProbedImage | None] = queue.SimpleQueue()
        # A daemon that hangs blocks its thread, which ends with the process.
        threading.Thread(target=lambda: answer.put(ask(job)), daemon=True).start()
        try:
            return answer.get(timeout=_PATIENCE)
        except queue.Empty:
            return None

    return image_of
