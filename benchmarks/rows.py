"""The yardstick: every row, what it must reach, and how it is measured."""

from collections.abc import Callable
from dataclasses import dataclass

from bench import Bench
from carried import CARRIED, KEEPING, TAKING, WARM, measure_fresh_unchanged, measure_second_run
from cold import PEER, PEER_UV, RUNNER, floor_names, measure_cold
from distributed_run import LOCAL, measure_cluster
from driver import AT_MANY, CELL_TO_FILE, FEW, GROWTH, LINEAR, MANY, MEMORY, measure_log_volume, measure_overhead
from first_wheel import FIRST_WHEEL, WHOLE_RUN, measure_first_wheel
from goals import AtMost, Faster, Goal, Near, Series
from report_page import FILTER, PAINT, measure_report_page
from startup import PLAN, VERSION, measure_startup
from warm import measure_before_all, measure_edit_loop, measure_one_file, measure_unchanged
from wheels import (
    AGAINST_BARE,
    PUBLISHED,
    measure_inspect,
    measure_large_wheel,
    memory_on,
    peer_on,
    runner_on,
)
from wheels import GROWTH as WHEEL_GROWTH
from workload import MARKUPSAFE, ZSTANDARD

_BEST = (PEER, PEER_UV)
_PEERS_BEST = "the peer's best"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line of the yardstick. `measure` is given the bench and the row's name."""

    name: str
    title: str
    goals: tuple[Goal, ...]
    measure: Callable[[Bench, str], tuple[Series, ...]]
    notes: tuple[str, ...] = ()


def _markupsafe(bench: Bench, row: str) -> tuple[Series, ...]:
    return measure_cold(bench, row, MARKUPSAFE, ("build", "build[uv]"))


def _cluster(bench: Bench, row: str) -> tuple[Series, ...]:
    return measure_cluster(bench, row, MARKUPSAFE)


def _c_compiler(bench: Bench, row: str) -> tuple[Series, ...]:
    return measure_cold(bench, row, ZSTANDARD, ("build[uv]",))


def _inspected(project: str, times: float) -> Faster:
    words = f"auditwheel for {project}"
    return Faster(than=(peer_on(project),), times=times, words=words, runner=runner_on(project))


ROWS = (
    Row(
        name="markupsafe-cold",
        title="MarkupSafe, 3 Pythons on x86_64 and i686, nothing kept from earlier runs",
        goals=(
            Faster(than=(PEER,), times=7, words="the peer's default front end"),
            Faster(than=_BEST, times=3, words=_PEERS_BEST),
            Near(to=floor_names(MARKUPSAFE.pythons), times=1.5, words="the floor"),
        ),
        measure=_markupsafe,
    ),
    Row(
        name="c-compiler",
        title="zstandard, whose time is the C compiler, 2 Pythons on x86_64 and i686, nothing kept from earlier runs",
        goals=(
            Faster(than=_BEST, times=1.95, words=_PEERS_BEST),
            Near(to=floor_names(ZSTANDARD.pythons), times=1.03, words="the floor"),
        ),
        measure=_c_compiler,
    ),
    Row(
        name="before-all",
        title="A before-all that compiles and installs a library, a minute in each image: a run after a source change",
        goals=(Faster(than=_BEST, times=10, words=_PEERS_BEST),),
        measure=measure_before_all,
        notes=("The change is outside of `before-all-inputs`. 3 Pythons on x86_64 and i686.",),
    ),
    Row(
        name="unchanged",
        title="MarkupSafe, 3 Pythons on x86_64 and i686: a second run when nothing has changed",
        goals=(
            AtMost(series=RUNNER, bound=0.25, words="at most 0.25 s in all, no container started"),
            Faster(than=_BEST, times=50, words=_PEERS_BEST),
        ),
        measure=measure_unchanged,
        notes=("A round in which Docker tells of a container of the runner's counts as failed.",),
    ),
    Row(
        name="one-file-of-100",
        title="100 C files that include numpy, 3 Pythons on x86_64: a run after one file changed, with ccache",
        goals=(Faster(than=_BEST, times=8, words=_PEERS_BEST),),
        measure=measure_one_file,
        notes=("The runner brings ccache. The headers are in the build environment, where numpy is required.",),
    ),
    Row(
        name="ci-second-run",
        title="A fresh machine with a carried directory: a before-all of a minute, 100 C files, one of them changed",
        goals=(
            Faster(than=_BEST, times=10, words=_PEERS_BEST),
            Near(to=(WARM,), times=1.25, words="the same run on the machine that is still warm"),
            AtMost(series=CARRIED, bound=1.2, words="carried bytes: at most 1.2 of what cannot be done without"),
            AtMost(series=KEEPING, bound=0.1, words="keeping it: at most a tenth of the time that it saves"),
            AtMost(series=TAKING, bound=0.1, words="taking it: at most a tenth of the time that it saves"),
        ),
        measure=measure_second_run,
        notes=("3 Pythons on x86_64 and i686. The engine has the images and nothing else of the project's.",),
    ),
    Row(
        name="ci-unchanged",
        title="The same project on a fresh machine with a carried directory: nothing has changed",
        goals=(
            AtMost(series=RUNNER, bound=0.8, words="under 0.8 s in all, no container started"),
            Faster(than=_BEST, times=40, words=_PEERS_BEST),
        ),
        measure=measure_fresh_unchanged,
    ),
    Row(
        name="cluster",
        title="MarkupSafe on a Dask cluster of this machine alone, 3 Pythons on x86_64 and i686, nothing kept",
        goals=(Near(to=(LOCAL,), times=1.1, words="the run with the same slots without a cluster"),),
        measure=_cluster,
        notes=("A scheduler and two workers, which share the processors.",),
    ),
    Row(
        name="first-wheel",
        title="Two images to pull, of which one takes three times as long: MarkupSafe, 3 Pythons on x86_64 and i686",
        goals=(
            AtMost(
                series=FIRST_WHEEL, bound=1, words="the first wheel: at most pull of the first + 1.1 x its cell alone"
            ),
            AtMost(series=WHOLE_RUN, bound=1.05, words="the whole run: at most 1.05 of the best order"),
        ),
        measure=measure_first_wheel,
        notes=("The registry is on this machine, and sends the last layer of each image at a speed of its own.",),
    ),
    Row(
        name="edit-loop",
        title="One cell of MarkupSafe, one C file changed: from command to tested wheel, without a compiler cache",
        goals=(
            AtMost(series=RUNNER, bound=1.5, words="at most 1.5 s"),
            Faster(than=_BEST, times=8, words=_PEERS_BEST),
        ),
        measure=measure_edit_loop,
    ),
    Row(
        name="large-wheel",
        title="A wheel of 500 MB unpacked, 1,000 ELF files: receive, inspect, verify, publish",
        goals=(
            AtMost(series=AGAINST_BARE, bound=1.3, words="at most 1.3 of `unzip -t` and `sha256sum`"),
            AtMost(series=WHEEL_GROWTH, bound=30, words="at most 30 MB of growth"),
        ),
        measure=measure_large_wheel,
    ),
    Row(
        name="inspect",
        title="`runner inspect` of published wheels, against `auditwheel show`, with the same verdict",
        goals=(
            _inspected("scipy", 15),
            _inspected("numpy", 8),
            *(
                AtMost(series=memory_on(project), bound=60, words=f"{project}: at most 60 MB of memory")
                for project in PUBLISHED
            ),
        ),
        measure=measure_inspect,
    ),
    Row(
        name="overhead",
        title=f"The driver alone: {MANY} cells on the fake engine, with logs, console, wheels and report",
        goals=(
            AtMost(series=AT_MANY, bound=1, words="at most 1 ms of the processor a cell"),
            AtMost(series=LINEAR, bound=1.2, words=f"linear: a cell of {MANY} takes at most 1.2 x one of {FEW}"),
            AtMost(series=MEMORY, bound=6, words="memory flat: at most 6 KiB a cell, its outcome"),
        ),
        measure=measure_overhead,
    ),
    Row(
        name="startup",
        title="Starting the program, 20 times each",
        goals=(
            AtMost(series=VERSION, bound=150, words="`runner --version`: at most 150 ms"),
            AtMost(series=PLAN, bound=300, words="`runner plan`: at most 300 ms"),
        ),
        measure=measure_startup,
    ),
    Row(
        name="report-page",
        title="The page of a run of 500 cells, in Chromium",
        goals=(
            AtMost(series=PAINT, bound=1000, words="first paint in at most a second"),
            AtMost(series=FILTER, bound=100, words="filtering in at most 100 ms"),
        ),
        measure=measure_report_page,
    ),
    Row(
        name="log-volume",
        title="1 GiB of build log: the same command in a cell, and in a container with its output into a file there",
        goals=(
            AtMost(series=GROWTH, bound=50, words="at most 50 MB of growth"),
            AtMost(series=CELL_TO_FILE, bound=1.3, words="at most 1.3 of writing it to a file in the container"),
        ),
        measure=measure_log_volume,
        notes=(
            "The engine's stream: `docker run` with its output thrown away and no log kept. A cell's comes that way.",
        ),
    ),
)
"""In the order of the yardstick."""
