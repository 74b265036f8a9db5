"""Options of the run: container engine, jobs, limits and timeouts, debugging."""

from matrix_runner.config.kinds import basic, programs
from matrix_runner.config.kinds.units import BYTES, SECONDS
from matrix_runner.config.kinds.values import ContainerEngine, EngineChoice, Network, Sandbox
from matrix_runner.config.options.option import Option, Section

_DURATION = basic.measured(
    words="seconds, or a duration such as `90s`, `30m`, `1h30m`",
    units=SECONDS,
    least=1,
    most=30 * SECONDS["d"],
    least_text="one second to thirty days",
)


def _arguments(engine: object) -> str:
    """Return the part of the value that affects a container: a cell on Docker equals the same cell on Podman."""
    assert isinstance(engine, ContainerEngine)  # noqa: S101  the kind reads no other
    return "\0".join(engine.arguments.words)


CONTAINER_ENGINE: Option[ContainerEngine] = Option(
    name="container-engine",
    kind=programs.container_engine(),
    default=ContainerEngine(name=EngineChoice.AUTO),
    section=Section.RUN,
    help="Where cells run: docker, podman, local (this machine), or auto.",
    details="""
`auto` is a container engine wherever something names one: `DOCKER_HOST`, `CONTAINER_HOST`, a Docker context, or a
socket at its usual place. It takes Docker when its daemon answers, else Podman, and says so. If none answers it waits
for `engine-timeout`, and then the run fails with exit code 4: wheels made in images and wheels made by this machine's
own Pythons are not the same. `auto` is `local` where nothing names an engine, and inside a manylinux image unless a
variable or a context names one; but not if an image, another architecture or `before-all` was asked for that this
machine cannot give. `local` by name is for machines without an engine; it leaves out the cells that this machine cannot
run. `runner plan` and `runner explain` ask no engine, and are for containers unless `local` is named.

`podman` is spoken to by its Docker-compatible socket: `CONTAINER_HOST`, else `$XDG_RUNTIME_DIR/podman/podman.sock`,
else `/run/podman/podman.sock`; `systemctl --user start podman.socket` makes it listen.

`create-args` are words of the command line of `docker create`, for every container of a cell: variables, volumes and
mounts, network, limits, capabilities, devices, GPUs. They are read by this tool, so no shell expands `~` or `$NAME`,
and an option that has no equivalent is a mistake. `--env=NAME` without a value takes this machine's. The option
`memory` outranks `--memory`. What cells need themselves (root, the first process, removal, the platform) cannot be
changed. The engine `local` ignores them. In a string: `docker; create-args: --gpus all`. `disable-host-mount` is
accepted and means nothing: the host is never mounted.
""",
    example='container-engine = { name = "docker", create-args = ["--network=host"] }',
    flag="--engine",
    metavar="ENGINE",
    key_text=_arguments,
)

SANDBOX: Option[Sandbox] = Option(
    name="sandbox",
    kind=basic.choice(Sandbox, "sandbox"),
    default=Sandbox.DEFAULT,
    section=Section.RUN,
    help="The rights of a cell's commands in its container: default, strict or off (the engine's own).",
    details="""
By default root keeps the capabilities that package managers, builds and tests take, and loses `MKNOD`, `NET_RAW` and
`SETPCAP`; no program gains rights by a setuid bit; a cell has at most 16384 processes and threads. `strict` is the same
for `before-all`; all that comes after it is run by a user without any capability, to whom the project is given. `off`
leaves everything to the engine.

`create-args` prevail word by word: `--cap-add=NET_RAW` adds one capability, `--pids-limit`,
`--security-opt=no-new-privileges=false` and `--privileged` mean what they say. [What is restricted, and
why](../explanation/sandbox.md).

The engine `local` has no containers, and so no sandbox: with `strict` it builds nothing.
""",
    example='sandbox = "strict"',
    flag="--sandbox",
    metavar="LEVEL",
)

NETWORK: Option[Network] = Option(
    name="network",
    kind=basic.choice(Network, "network"),
    default=Network.AUTO,
    section=Section.RUN,
    help="Which commands of a cell have a network: all, build-requires (only what installs), none, or auto.",
    details="""
With `build-requires` a container of its own fetches: it runs `before-all`, evaluates `environment`, and installs what
the build and the tests require. `before-build`, the build backend, the repair, `before-test` and the tests run in
another one, which has no network but its own loopback, at no time. What is installed there: `build-system.requires`;
what the backend asks for besides; `test-requires`, `test-groups` and what the wheel requires for the tests;
`audit-requires`. Any other build frontend fetches while it builds, so our own takes its place; a cell whose frontend
has arguments fails before it begins, unless that is `--no-isolation`, which installs nothing.

With `none` no command has a network, `before-all` included: all that is installed is in the image, or in the project.

`auto` is `build-requires` with `sandbox = "strict"`, unless the frontend has arguments, and else `all`. `runner plan`
and `runner explain` say which it is. `--network` in `create-args` names the network of the commands that have one.
[How it is kept](../explanation/sandbox.md#the-network).
""",
    example='network = "build-requires"',
    flag="--network",
    metavar="WHO",
)

ENGINE_TIMEOUT: Option[int] = Option(
    name="engine-timeout",
    kind=basic.measured(
        words="seconds, or a duration such as `90s`, `5m`",
        units=SECONDS,
        least=1,
        most=SECONDS["d"],
        least_text="one second to one day",
    ),
    default=60,
    section=Section.RUN,
    help="How long to wait for a container engine that does not answer, such as 5m; 0: not at all.",
    details="""
A machine under load, or a daemon that starts or commits a large image, accepts connections and answers late. One that
does not listen yet, like a service that starts beside a CI job, is waited for a quarter of that time. One that goes
away in the middle of a run, as for an upgrade, is waited for too: its cells begin anew.
""",
    example='engine-timeout = "5m"',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

JOBS: Option[int] = Option(
    name="jobs",
    kind=basic.integer(0, 1000),
    default=0,
    section=Section.RUN,
    help="How many cells run at once; 0: as many as this machine has CPUs.",
    example="jobs = 4",
    flag="--jobs",
    metavar="N",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

CPUS: Option[int] = Option(
    name="cpus",
    kind=basic.integer(0, 1000),
    default=0,
    section=Section.RUN,
    help="How many of the jobs' places a cell takes up; 0: one.",
    details="""
A cell whose build uses several CPUs at once takes up as many places, and its build tools are told so: `MAKEFLAGS`,
`CMAKE_BUILD_PARALLEL_LEVEL`, `CARGO_BUILD_JOBS`, where neither `environment` nor the image sets them. Places that no
other cell can use are shared out too, so that a cell that is alone is told all of them. A project whose makefiles do
not work in parallel sets `environment = { MAKEFLAGS = "-j1" }`. Ninja by itself knows no such variable, so
meson-python, which starts it, is told by `-Ccompile-args=-jN`, unless pyproject.toml, `config-settings` or
`build-frontend` say a `-j` themselves; `cmake --build` hands its own variable on. Other builds that start ninja
themselves (PyTorch's extensions read `MAX_JOBS`) take all processors.
""",
    example="cpus = 2",
    affects_wheel=False,
)

MEMORY: Option[int] = Option(
    name="memory",
    kind=basic.measured(
        words="bytes, or a size such as `512m` or `2g`",
        units=BYTES,
        least=6 * 1024**2,
        most=1024**5,
        least_text="6m to 1024t",
    ),
    default=0,
    section=Section.RUN,
    help="Memory that one cell may use, such as 2g; empty or 0: no limit.",
    details="""
A cell that needs more is stopped and reported as out of memory. Cells that together may use more than the engine's
machine has do not run at once. `k`, `m`, `g`, `t` are powers of 1024. Docker accepts
no limit below 6m. The local engine sets none.
""",
    example='memory = "2g"',
    limit_hint="raise `memory`, or lower `jobs`",
    affects_wheel=False,
)

STEP_TIMEOUT: Option[int] = Option(
    name="step-timeout",
    kind=_DURATION,
    default=2 * 3600,
    section=Section.RUN,
    help="How long one step of a cell may take, such as 30m; 0: no limit.",
    details="""
Two hours is longer than an honest build takes on a machine of its own architecture, and shorter than the six hours
after which hosted CI ends the whole job and takes what the other cells have done with it. Cells under
emulation take about seven times as long, and five hours are their default: that of the cells which `runner plan` calls
emulated, and of those that may be, on a machine which cannot be seen from here. A value of your own is for all cells
alike; an override can give those of an architecture another.
""",
    example='step-timeout = "45m"',
    emulated_default=5 * 3600,
    limit_hint="give it longer with `step-timeout`, or find out what it waits for",
    affects_wheel=False,
)

SILENCE_TIMEOUT: Option[int] = Option(
    name="silence-timeout",
    kind=_DURATION,
    default=30 * 60,
    section=Section.RUN,
    help="How long a step may print nothing, such as 10m; 0: no limit.",
    details="""
Something that hangs prints nothing; compilers, installers and test runners that work do within half an hour, and within
two hours under emulation. As with `step-timeout`, only the default knows the difference.
""",
    example='silence-timeout = "10m"',
    emulated_default=2 * 3600,
    limit_hint="give it longer with `silence-timeout`, or find out what it waits for",
    affects_wheel=False,
)

RETRIES: Option[int] = Option(
    name="retries",
    kind=basic.integer(0, 10),
    default=1,
    section=Section.RUN,
    help="How often a step that has failed for want of the network is tried again; 0: never.",
    details="""
Installers try again themselves, for seconds; this is for an index or a mirror that is away for longer. It is known by
the words of pip, uv, apt, dnf, apk, git, curl, wget, cargo and CMake: a name that is not resolved, a connection that is
refused, reset or times out, a server that is busy (429, 5xx). A compiler's error, a failed test, an untrusted
certificate or a file that is not there is never tried again. Installations and builds are tried again in the same
container, after 2 seconds, then 8, then 30; for `before-all`, `before-build` and `before-test`, which may not bear to
be run twice, the cell begins anew in another. The test itself is not tried again.
""",
    example="retries = 3",
    affects_wheel=False,
)

ALLOW_HOST_COMMANDS: Option[bool] = Option(
    name="allow-host-commands",
    kind=basic.boolean(),
    default=False,
    section=Section.RUN,
    help="Let the local engine run before-all on this machine itself.",
    details="""
Without it, `before-all` runs only in a container or in CI: nobody's own computer is a build image. A project cannot
give itself this permission, so there is neither a key nor a variable for it.
""",
    flag="--allow-host-commands",
    is_flag_only=True,
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

DEBUG_KEEP_CONTAINER: Option[bool] = Option(
    name="debug-keep-container",
    kind=basic.boolean(),
    default=False,
    section=Section.RUN,
    help="Keep the container of a failed cell as an image, for `runner shell` to go into it.",
    details="""
It is named `matrix-runner/debug:<identifier>`, and stays until the next failure of the cell, or until
`runner shell CELL --discard` removes it: [how to look around in
it](../how-to/failures.md#the-very-container-that-failed).
""",
    example="debug-keep-container = true",
    flag="--debug-keep-container",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

DEBUG_TRACEBACK: Option[bool] = Option(
    name="debug-traceback",
    kind=basic.boolean(),
    default=False,
    section=Section.RUN,
    help="Show where in this tool an error arose.",
    flag="--debug-traceback",
    example="debug-traceback = true",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

OPTIONS: tuple[Option[object], ...] = (
    CONTAINER_ENGINE,
    SANDBOX,
    NETWORK,
    ENGINE_TIMEOUT,
    JOBS,
    CPUS,
    MEMORY,
    STEP_TIMEOUT,
    SILENCE_TIMEOUT,
    RETRIES,
    ALLOW_HOST_COMMANDS,
    DEBUG_KEEP_CONTAINER,
    DEBUG_TRACEBACK,
)
