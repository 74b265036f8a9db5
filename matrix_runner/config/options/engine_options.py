"""Options of engines on other machines."""

from matrix_runner.config.kinds import engine_list, names
from matrix_runner.config.kinds.values import EngineEntry
from matrix_runner.config.options.option import Option, Section

ENGINES: Option[tuple[EngineEntry, ...]] = Option(
    name="engines",
    kind=engine_list.engine_list(),
    default=(),
    section=Section.RUN,
    help="Several engines, here or on other machines, on which the cells are spread.",
    details="""
Each has an `endpoint`: `unix://` and a path, `tcp://HOST:PORT` (with the certificates of the directory `tls`, or of
`DOCKER_CERT_PATH`), or `ssh://[USER@]HOST[:PORT][/PATH]`, a tunnel to the socket there. Docker and Podman serve alike.
`jobs` is the number of cells at once, by default the option `jobs`, or the number of its processors. `arch`, its
machine's, is asked of it, and needed by commands that ask no engine, such as `runner plan`.

A cell runs on an engine of its architecture, by an emulator only where there is no such engine. The first engine of an
architecture is in charge of its cells: the others help with those that have the same images there. What a lost engine
was about to build is built by another one. [How to spread cells](../how-to/several-engines.md).

A project's table can name engines, the same for everybody; an sdist's cannot. In a string: engines separated by spaces,
each as `NAME=ENDPOINT,jobs=8`.
""",
    example='engines = [{ name = "arm", endpoint = "ssh://builder@arm.example", arch = "aarch64", jobs = 8 }]',
    flag="--engine-endpoint",
    metavar="[NAME=]URL",
    repeatable=True,
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

CLUSTER: Option[str] = Option(
    name="cluster",
    kind=names.cluster(),
    default="",
    section=Section.RUN,
    help="A Dask cluster whose workers run the cells.",
    details="""
The address of its scheduler, `tcp://HOST:PORT` or `tls://HOST:PORT` with the certificates of Dask's own configuration,
or the path of the file that a scheduler writes (`--scheduler-file`). Needs `pip install 'matrix-runner[dask]'`, there
as here, in the same release.

Workers are started with the cells that each may run at once, by architecture: `--resources 'x86_64=4'`; one offers
i686 too. Each drives the engine of its own machine. [How to build on a cluster](../how-to/cluster.md).

A project's table can name one, the same for everybody; an sdist's cannot.
""",
    example='cluster = "tls://scheduler.example:8786"',
    flag="--cluster",
    metavar="ADDRESS",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

OPTIONS: tuple[Option[object], ...] = (ENGINES, CLUSTER)
