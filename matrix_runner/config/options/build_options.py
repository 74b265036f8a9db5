"""Options for building a wheel: commands, frontend, environment, repair, audit, dependency versions."""

from matrix_runner.config.kinds import basic, grammars, names, programs, requirement_bounds
from matrix_runner.config.kinds.values import (
    BuildConstraints,
    BuildFrontend,
    ConfigSettings,
    DependencyVersions,
    ExcludeNewer,
    Frontend,
    Variables,
    VersionSource,
)
from matrix_runner.config.options.option import Option, Section
from matrix_runner.model.checks import Accepted, Check

BEFORE_ALL: Option[str] = Option(
    name="before-all",
    kind=grammars.command("project", "package"),
    default="",
    section=Section.BUILD,
    help="Shell command that prepares a platform's image, such as installing a C library.",
    details="""
Runs in the project's directory, once for each image of a run; the cells of that image start from its result. A list is
joined with `&&`. Placeholders: `{project}`, the project's directory; `{package}`, the directory of the package.
""",
    example='before-all = "yum install -y lz4-devel || apk add lz4-dev"',
)

BEFORE_BUILD: Option[str] = Option(
    name="before-build",
    kind=grammars.command("project", "package"),
    default="",
    section=Section.BUILD,
    help="Shell command before each build, with the cell's Python first on PATH.",
    details="""
Not run where a wheel of an earlier cell is reused (abi3). `pip install` and, by `UV_PYTHON`, `uv pip install` install
into the Python that builds; on this machine itself that is an environment. Placeholders: `{project}`, `{package}`.
""",
    example='before-build = ["pip install cython", "cython {project}/src/_fast.pyx"]',
)

BUILD_FRONTEND: Option[BuildFrontend] = Option(
    name="build-frontend",
    kind=programs.frontend(),
    default=BuildFrontend(name=Frontend.AUTO),
    section=Section.BUILD,
    help="What asks the build backend for a wheel: auto, build, build[uv], uv or pip.",
    details="""
`auto` is a frontend of matrix-runner's own that does what `build` does, with two differences: what the build requires
is installed by uv where the image has it, else by pip; and the environment that it is installed into has the same path
in every cell and run (`/matrix/isolated`), so that [compiler caches](../explanation/caching.md#what-was-compiled) know
the headers in it, and debug information has the same bytes. In a container it is in memory, as far as it needs no more
than 192 MB (else `/matrix/isolated-on-disk`) and the cell's memory is not limited. For Python before 3.8 and GraalPy
`auto` takes `build`, before 3.7 `pip`; an interpreter that uv does not know is built for by these if uv was asked for
too. `args` are added to the command of a named frontend; with `auto` they are for uv where the image has it, else for
`build`, which then builds. So does uv where [`build-constraints`](#build-constraints) have hashes, or
`UV_NO_BUILD_ISOLATION` or `UV_REQUIRE_HASHES` is set. With cibuildwheel's configuration the default is `build`, as
there.

Where somebody tells pip what to install, or whence, `auto` lets pip install what wheels and their tests require: uv
reads neither `PIP_CONSTRAINT`, `PIP_INDEX_URL` and the like (`environment`, `environment-pass`, `create-args`, the
image) nor pip.conf. A line says so. Whoever tells uv the same (`UV_INDEX_URL`) gets uv.

The frontend decides who installs a test's requirements too: pip with `build` and `pip`, uv with `build[uv]` and `uv`.
A project's settings for uv (`[tool.uv]`, uv.toml) are followed by a build for which `uv` or `build[uv]` is named, and
by nothing else: where `auto` takes uv, they do not count.

uv installs packages whose Requires-Python ends below the cell's Python (`<3.11`), without a word. For a test this fails
the cell; of a build by `auto` or `uv` it is a warning that names them. Builds by `uv` have a `sitecustomize` of
matrix-runner on PYTHONPATH for that, as those by pip have one of pip's; one of the project's or the image's own has its
turn too.
""",
    example='build-frontend = { name = "build", args = ["--no-isolation"] }',
    per_platform=False,
)

CONFIG_SETTINGS: Option[ConfigSettings] = Option(
    name="config-settings",
    kind=grammars.config_settings(),
    default=(),
    section=Section.BUILD,
    help="Settings for the build backend, passed on as -Ckey=value (PEP 517).",
    details="""
A list repeats its key. Integers and booleans are passed as TOML writes them. Placeholders: `{project}`, `{package}`;
other names in braces are the backend's own.
""",
    example='config-settings = { "setup-args" = ["-Dlto=true", "-Doptimization=3"] }',
)

ENVIRONMENT: Option[Variables] = Option(
    name="environment",
    kind=grammars.environment(),
    default=(),
    section=Section.BUILD,
    help="Environment variables for every command of a cell.",
    details="""
Set in order. In a value, `$NAME`, `${NAME}` and `$(command)` are evaluated by the container's shell, as between double
quotes; write `\\\\$` in a TOML string for a literal dollar sign. Other quotes in a table's values are literal. In a
string, quotes mean what they mean in a shell.
""",
    example='environment = { CFLAGS = "-O3 $CFLAGS", PREFIX = "$(pkg-config --variable=prefix liblz4)" }',
    may_hold_secrets=True,
)

ENVIRONMENT_PASS: Option[tuple[str, ...]] = Option(
    name="environment-pass",
    kind=grammars.variable_names(),
    default=(),
    section=Section.BUILD,
    help="Variables of this machine's environment that cells get too, where they are set.",
    details="""
They come before `environment`, which may use them. Their values are [masked](secrets.md) in all output, and no image
that is kept holds them.
""",
    example='environment-pass = ["SOURCE_DATE_EPOCH", "CI"]',
)

SECRET_VARIABLES: Option[tuple[str, ...]] = Option(
    name="secret-variables",
    kind=names.variable_patterns(),
    default=(),
    section=Section.BUILD,
    help="Names of further variables that hold secrets, as patterns; with ! in front: that hold none.",
    details="""
`*`, `?` and `[ab]` are as in a shell, and case does not count. Of the patterns that match a name the last one decides,
before those that are built in. Which those are, what else counts as secret and what happens to it:
[secrets](secrets.md).
""",
    example='secret-variables = ["LICENSE_SERVER", "!PUBLIC_KEY"]',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

BUILD_VERBOSITY: Option[int] = Option(
    name="build-verbosity",
    kind=basic.integer(-3, 3),
    default=0,
    section=Section.BUILD,
    help="How much the build frontend says: -v or -q, up to three times.",
    details="""
A level is a flag, for every frontend; `build` has no quiet level before Python 3.9. In `[tool.cibuildwheel]` the first
level above 0 is a flag for pip alone, the second is `-v` for the others, as there.
""",
    example="build-verbosity = 1",
)

REPAIR_WHEEL_COMMAND: Option[str] = Option(
    name="repair-wheel-command",
    kind=grammars.command("wheel", "dest_dir", "plat", "project", "package"),
    default="auditwheel repair --plat {plat} -w '{dest_dir}' '{wheel}'",
    section=Section.BUILD,
    help="Shell command that makes the built wheel self-contained; empty: none.",
    details="""
It must leave exactly one wheel in `{dest_dir}`. Placeholders: `{wheel}`, the built wheel; `{dest_dir}`, an empty
directory; `{plat}`, the platform tag of the image, such as `manylinux_2_28_x86_64`, or of `AUDITWHEEL_PLAT` if
`environment` sets it; `{project}`, `{package}`.
""",
    example='repair-wheel-command = "auditwheel repair --plat {plat} --strip -w {dest_dir} {wheel}"',
)

REPAIR_COMPRESSION: Option[int] = Option(
    name="repair-compression",
    kind=basic.integer(-1, 9),
    default=-1,
    section=Section.BUILD,
    help="How hard the repaired wheel is compressed: 0, not at all, to 9; -1: auditwheel's own choice.",
    details="""
auditwheel 6.3 and later is told by `AUDITWHEEL_ZIP_COMPRESSION_LEVEL`, whichever command calls it; `-z` in
`repair-wheel-command` and that variable in `environment` prevail. With an older one, or where the command does not
name auditwheel, the cell says that the option has no effect. Its own choice is level 6. For wheels that only CI will
see, 1 is enough: scipy's repair takes 12 % less time and gives a wheel 13 % larger, numpy's 24 % and 15 %. Level 0
saves 22 % and 33 %, and the wheels are three times as large; level 9 takes a third longer and makes them 1 % smaller.
""",
    example="repair-compression = 1",
)

_CHECKS = "".join(f"\n- `{check}`{' (warns)' if check.is_advisory else ''}: {check.help}" for check in Check)

ACCEPT: Option[tuple[Accepted, ...]] = Option(
    name="accept",
    kind=names.accepted(),
    default=(),
    section=Section.BUILD,
    help="Findings of the checks of a finished wheel that are meant, by the check's name.",
    details=f"""
Every wheel that comes out of a cell is held against what its file name says, and against the cell. What is found
refuses the wheel (exit code 5), or warns; with cibuildwheel's configuration it always warns. A check named here is
silent; `NAME:PATTERN` is about such files of the wheel only, and `*` in a pattern matches `/` too.
{_CHECKS}
""",
    example='accept = ["foreign-elf:demo/data/*"]',
    flag="--accept",
    metavar="CHECK",
    repeatable=True,
)

AUDIT_REQUIRES: Option[tuple[str, ...]] = Option(
    name="audit-requires",
    kind=grammars.requirements(),
    default=("abi3audit",),
    section=Section.BUILD,
    help="What to install for the audit, as arguments for the installer.",
    example='audit-requires = ["abi3audit>=0.0.26"]',
)

AUDIT_COMMAND: Option[str] = Option(
    name="audit-command",
    kind=grammars.audit_command(),
    default="abi3audit --strict --report {abi3_wheel}",
    section=Section.BUILD,
    help="Shell command that checks the repaired wheel; empty: none.",
    details="""
Runs in the cell's container, in an environment of its own with the newest Python of the image. With `{abi3_wheel}` it
runs for wheels of the stable ABI only, with `{wheel}` for all: it must hold one of the two. Further placeholders:
`{project}`, `{package}`.
""",
    example='audit-command = "abi3audit --strict --report {abi3_wheel}"',
)

DEPENDENCY_VERSIONS: Option[DependencyVersions] = Option(
    name="dependency-versions",
    kind=programs.dependency_versions(),
    default=DependencyVersions(source=VersionSource.PINNED),
    section=Section.BUILD,
    help="Versions of the tools a cell installs: pinned, latest, a constraints file, or packages.",
    details="""
`pinned`: those this release was tested with; `latest`: the newest; a path, or `{ file = "..." }`: a constraints file of
the project; `{ packages = ["build==1.2.2"] }`: these. It concerns what the tool itself installs where the image lacks
it (`build`, `virtualenv`, `pip`), never what the project requires for building.
""",
    example='dependency-versions = { packages = ["build==1.2.2.post1"] }',
)

BUILD_CONSTRAINTS: Option[BuildConstraints] = Option(
    name="build-constraints",
    kind=requirement_bounds.build_constraints(),
    default=BuildConstraints(),
    section=Section.BUILD,
    help="Versions of what the build requires: a constraints file of the project, or its lines.",
    details="""
For every frontend, in its own way: `UV_BUILD_CONSTRAINT`, `PIP_BUILD_CONSTRAINT`, and `PIP_CONSTRAINT` for `build`,
which install what `build-system.requires` and the build backend ask for; a file that `environment` names there counts
as well. Nothing else is held to them: neither a test's requirements nor what `before-build` installs.

If every line has `--hash`, downloads are held against the hashes, and something required that no line names fails the
build; so a finished cell is taken from the cache [at any age](#cache-max-age). uv and pip 26.1 or newer can do that,
so not pip for Python 3.9 and before. `build[uv]` checks the hashes of what is named, and lets pass what is not.
""",
    example='build-constraints = "ci/build-constraints.txt"',
    per_platform=False,
)

EXCLUDE_NEWER: Option[ExcludeNewer] = Option(
    name="exclude-newer",
    kind=requirement_bounds.exclude_newer(),
    default=ExcludeNewer(),
    section=Section.BUILD,
    help="Packages uploaded later do not count: an age such as 7d, a date, or a time.",
    details="""
One time for the whole run, for uv (`UV_EXCLUDE_NEWER`) and pip (`PIP_UPLOADED_PRIOR_TO`), in every command of a cell
but those that install tools of our own, whose versions are [ours](#dependency-versions). An age, a cooldown, counts
from the start of the run; a date includes its day, in UTC. The time is told at the start and is in `report.json`. pip
knows it since 26.0: where the image's is older, the build gets an environment with a newer one, and a cell without uv
whose Python has none, 3.8 and before, fails. With an age, a finished cell is taken from the cache as long as
`cache-max-age` says: it was made under an earlier time. With a date or time that has passed, [its age does not
matter](#cache-max-age). [`runner lock`](../how-to/locking.md) heeds it as well.
""",
    example='exclude-newer = "7d"',
    flag="--exclude-newer",
    metavar="WHEN",
    per_platform=False,
    per_cell=False,
)

OPTIONS: tuple[Option[object], ...] = (
    BEFORE_ALL,
    BEFORE_BUILD,
    BUILD_FRONTEND,
    CONFIG_SETTINGS,
    BUILD_VERBOSITY,
    ENVIRONMENT,
    ENVIRONMENT_PASS,
    SECRET_VARIABLES,
    REPAIR_WHEEL_COMMAND,
    REPAIR_COMPRESSION,
    ACCEPT,
    AUDIT_REQUIRES,
    AUDIT_COMMAND,
    DEPENDENCY_VERSIONS,
    BUILD_CONSTRAINTS,
    EXCLUDE_NEWER,
)
