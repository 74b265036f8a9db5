"""Building images: fetch everything, then compile each interpreter in its own container, several at once.

`configure` runs on one core for a third of a CPython's build time, so as many interpreters compile at once as there are
workers, across images. Compiled interpreters are cached: adding one costs only that one, and an interrupted build
resumes.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial

from filelock import FileLock

from matrix_runner.errors import EngineError
from matrix_runner.image.build_progress import BuildProgress, Stage
from matrix_runner.image.debian_sources import fetch_sources, find_mirror, has_source, require_programs
from matrix_runner.image.image_builder import (
    ImageBuilder,
    assemble,
    compile_interpreter,
    provide_root,
    remove_other_roots,
    remove_scraps,
)
from matrix_runner.image.image_inventory import BuiltImage, Decision, built_images, decide, find_built, suffices
from matrix_runner.image.image_recipe import Compilation, ImageRecipe, Root
from matrix_runner.image.image_request import ImageRequest


def build_images(
    requests: Iterable[ImageRequest], builder: ImageBuilder, *, rebuild: bool = False
) -> tuple[BuiltImage, ...]:
    """Build the requested images (without interpreters: with the defaults, or the present ones).

    An image with an unchanged recipe is left alone, unless `rebuild`. Raise UsageError for an impossible request,
    MachineError for a failure of the machine, the network or the engine.
    """
    wanted = tuple(requests)
    builder.cache.mkdir(parents=True, exist_ok=True)
    with FileLock(builder.cache / "lock"):  # a second process finds the image built
        remove_scraps(builder)
        built = built_images(builder.engine)
        decisions = tuple(decide(request, find_built(built, request.target), rebuild=rebuild) for request in wanted)
        for decision in decisions:
            if decision.is_kept:
                builder.on_progress(BuildProgress(tag=decision.recipe.tag, part="image", stage=Stage.KEPT, seconds=0))
        todo = tuple(decision for decision in decisions if not decision.is_kept)
        if todo:
            _Site(todo, builder, rebuild=rebuild).work()
    made = built_images(builder.engine)
    found = (find_built(made, request.target) for request in wanted)
    return tuple(image for image in found if image is not None)


def ensure_images(requests: Iterable[ImageRequest], builder: ImageBuilder, on_notice: Callable[[str], None]) -> None:
    """Build those images for the short name `debian` that are missing or lack an interpreter.

    An image from an older recipe with all interpreters is used as it is: nobody waits ten minutes for a newer pip.
    Raise UsageError, MachineError.
    """
    wanted = tuple(requests)
    built = built_images(builder.engine)
    missing = [each for each in wanted if not suffices(find_built(built, each.target), each.interpreters)]
    if missing:
        names = " and ".join(each.target.tag for each in missing)
        on_notice(f"making the image `debian` for {names}; this takes some minutes, once")
        build_images(missing, builder)
    for request in wanted:
        image = None if request in missing else find_built(built, request.target)
        if image is not None and not decide(ImageRequest(target=request.target), image).is_kept:
            on_notice(f"{image.reference} was made by an older recipe; `runner image build` renews it")


class _Site:
    """The state of one build: running work, and its follow-up. Only its own thread touches it."""

    def __init__(self, decisions: tuple[Decision, ...], builder: ImageBuilder, *, rebuild: bool) -> None:
        self._decisions = decisions
        self._shop = builder
        self._afresh = rebuild
        self._next: dict[Future[str], Callable[[str], None]] = {}
        self._left = {decision.recipe.tag: len(decision.recipe.compilations) for decision in decisions}
        # Fetching waits for the network: it takes no worker from the compilations. But unpacking takes processors too.
        roots = min(len(decisions), builder.workers)
        self._fetchers = ThreadPoolExecutor(roots + 1, thread_name_prefix="fetch")
        self._workers = ThreadPoolExecutor(builder.workers, thread_name_prefix="compile")

    def work(self) -> None:
        """Build everything; or raise the first error, with nothing left running."""
        require_programs(self._shop.host)
        try:
            self._fetch()
            while self._next:
                done, _ = wait(self._next, return_when=FIRST_COMPLETED)
                for future in done:
                    follow = self._next.pop(future)
                    follow(future.result())
        except BaseException:
            self._forget_the_rest()
            self._shop.engine.abort()
            self._shop.host.abort()
            raise
        finally:
            for pool in (self._fetchers, self._workers):
                pool.shutdown()

    def _forget_the_rest(self) -> None:
        """Cancel queued work, before anything is aborted: a free worker must find nothing more to do."""
        for pool in (self._fetchers, self._workers):
            pool.shutdown(wait=False, cancel_futures=True)

    def _fetch(self) -> None:
        sources = self._fetchers.submit(self._provide_sources)
        for decision in self._decisions:
            root = self._fetchers.submit(self._provide_root, decision.recipe.root, sources)
            self._next[root] = partial(self._compile, decision, sources)

    def _provide_root(self, root: Root, sources: Future[None]) -> str:
        if root.sources:
            sources.result()
        return provide_root(root, self._shop)

    def _provide_sources(self) -> None:
        started = time.monotonic()
        builder = self._shop
        recipes = tuple(decision.recipe for decision in self._decisions)
        compiled = (compilation.source for recipe in recipes for compilation in recipe.compilations)
        everything = (*compiled, *(source for recipe in recipes for source in recipe.root.sources))
        sources = {source.stored: source for source in everything}.values()
        if not sources:
            return
        missing = tuple(source for source in sources if not has_source(source, builder.sources))
        if missing:
            fetch_sources(missing, find_mirror(builder.host, builder.mirror), builder.host, builder.sources)
        stage = Stage.FETCHED if missing else Stage.REUSED
        builder.on_progress(BuildProgress(tag=None, part="sources", stage=stage, seconds=time.monotonic() - started))

    def _compile(self, decision: Decision, sources: Future[None], root_id: str) -> None:
        for compilation in decision.recipe.compilations:
            task = self._workers.submit(self._compile_one, compilation, decision.recipe, sources, root_id)
            self._next[task] = partial(self._count, decision)
        if not decision.recipe.compilations:
            self._assemble(decision, root_id)

    def _compile_one(self, compilation: Compilation, recipe: ImageRecipe, sources: Future[None], root_id: str) -> str:
        sources.result()
        compile_interpreter(compilation, recipe.root, root_id, self._shop, afresh=self._afresh)
        return root_id

    def _count(self, decision: Decision, root_id: str) -> None:
        tag = decision.recipe.tag
        self._left[tag] -= 1
        if self._left[tag] == 0:
            self._assemble(decision, root_id)

    def _assemble(self, decision: Decision, root_id: str) -> None:
        task = self._workers.submit(assemble, decision.recipe, root_id, self._shop)
        self._next[task] = partial(self._remove_replaced, decision)

    def _remove_replaced(self, decision: Decision, image_id: str) -> None:
        """Remove the images that a new image replaces; not an error if a container still uses one."""
        try:
            remove_other_roots(decision.recipe.root, self._shop)
            if decision.built is not None and decision.built.id != image_id:
                self._shop.engine.remove_image(decision.built.id)
        except EngineError:
            return
