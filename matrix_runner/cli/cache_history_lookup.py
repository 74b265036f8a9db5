"""What `runner explain` says of the cache: put together of settings, plan and store."""

import os
import queue
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from matrix_runner.errors import RunnerError

if TYPE_CHECKING:
    from matrix_runner.cache.cache_history import CacheHistory
    from matrix_runner.cli.opened_project import Opened
    from matrix_runner.config.loading.settings import Settings
    from matrix_runner.engine.selection import LikelyEngine
    from matrix_runner.matrix import Job, Plan
    from matrix_runner.probe.image_probe import ProbedImage
    from matrix_runner.store.store import Store

_PATIENCE = 2.0
"""Seconds that an engine may take to say which images it has; explaining must not hang on one that is stuck."""


def history_of(identifier: str, opened: "Opened", plan: "Plan", engine: "LikelyEngine") -> "CacheHistory | None":
    """Say whether a build would take a cell from the cache, else why not; None for a cell that is not in the plan.

    `engine`: the one that the plan is made for. Starts nothing.
    """
    from matrix_runner.before_all.registry import SharedWheels, hints_at_stable_abi
    from matrix_runner.cache.cache_history import CacheHistory, HistoryQuestion, cache_history
    from matrix_runner.cache.cache_key import RunInputs
    from matrix_runner.catalog.constraints import load_constraints
    from matrix_runner.cli.directories import cache_dir
    from matrix_runner.config.options.cache_options import CACHE_MAX_AGE, NO_CACHE
    from matrix_runner.config.options.run_options import OUTPUT_DIR
    from matrix_runner.project.source_archive import survey
    from matrix_runner.store.cell_inputs import SourceInputs
    from matrix_runner.store.store import Store

    jobs = {str(job.cell): job for job in plan.jobs}
    job, settings = jobs.get(identifier), opened.settings
    if job is None:
        return None
    if settings[NO_CACHE]:
        return CacheHistory(is_cached=False, text="it is built each time: no-cache is set")
    if engine.is_local:
        return CacheHistory(
            is_cached=False, text="it is built each time: what is built on this machine itself is not kept"
        )
    output = Path(settings[OUTPUT_DIR]).absolute()
    try:
        store = Store(cache_dir(settings))
        not_source = (output, output / "logs", store.root)
        found = survey(opened.project, environ=os.environ, exclude=not_source, package=opened.package)
    except RunnerError as error:
        return CacheHistory(is_cached=False, text=f"what a build would do cannot be said: {error.message}")
    common = RunInputs(
        source=SourceInputs.of(found.digests),
        epoch=found.epoch,
        package=opened.package,
        pinned=load_constraints(),
        environ=os.environ,
    )
    shelf = SharedWheels(plan.jobs, waits=hints_at_stable_abi(opened.project / opened.package))
    leader = shelf.leader(job)
    question = HistoryQuestion(
        job=job,
        leading=None if leader is None else jobs[str(leader)],
        project=str(opened.origin / opened.package),
        common=common,
        place=cache(_places(settings, store)),
        max_age=settings[CACHE_MAX_AGE],
    )
    return cache_history(store, question)


def _places(settings: "Settings", store: "Store") -> "Callable[[Job], ProbedImage | None]":
    """Return what tells the place of a job, from what earlier runs have found in its image."""

    def ask(job: "Job") -> "ProbedImage | None":
        from matrix_runner.cli.directories import surroundings
        from matrix_runner.config.options.run_options import CONTAINER_ENGINE
        from matrix_runner.engine.selection import choose_container_engine
        from matrix_runner.probe.image_probe import image_key
        from matrix_runner.probe.probe_cache import ProbeCache

        try:
            chosen = choose_container_engine(settings[CONTAINER_ENGINE].name, "explain", surroundings())
            known = ProbeCache(store, chosen.info.machine).find(chosen.engine, image_key(job), (job,))
        except RunnerError:
            return None
        return None if known is None else known.place

    def place(job: "Job") -> "ProbedImage | None":
        answer: queue.SimpleQueue[ProbedImage | None] = queue.SimpleQueue()
        # A daemon that hangs keeps its thread, which ends with the process.
        threading.Thread(target=lambda: answer.put(ask(job)), daemon=True).start()
        try:
            return answer.get(timeout=_PATIENCE)
        except queue.Empty:
            return None

    return place
