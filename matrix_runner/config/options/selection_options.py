"""Options that select cells: build, skip, archs, enable, test-skip, requires-python."""

from matrix_runner.config.kinds import basic, grammars, names, shapes
from matrix_runner.config.kinds.values import ArchChoice, ArchGroup, EnableGroup
from matrix_runner.config.options.option import Option, Section

BUILD: Option[tuple[str, ...]] = Option(
    name="build",
    kind=grammars.patterns(empty_means=("*",)),
    default=("*",),
    section=Section.SELECTION,
    help="Cells to build: patterns over identifiers such as cp311-manylinux_x86_64.",
    details="""
A pattern matches whole identifiers: `*`, `?`, `[ab]` and `[!ab]` as in a shell, `{a,b}` for alternatives. A cell is
built if any pattern of `build` matches it and none of `skip` does. Empty means all.
""",
    example='build = ["cp31?-*", "cp3{9,10}-manylinux_*"]',
    flag="--only",
    metavar="PATTERN",
    repeatable=True,
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

SKIP: Option[tuple[str, ...]] = Option(
    name="skip",
    kind=grammars.patterns(),
    default=(),
    section=Section.SELECTION,
    help="Cells to leave out: patterns, as in build.",
    details="""
Patterns for systems other than Linux are accepted and match nothing.
""",
    example='skip = "*-musllinux_* cp39-*_i686"',
    flag="--skip",
    metavar="PATTERN",
    repeatable=True,
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

ARCHS: Option[tuple[ArchChoice, ...]] = Option(
    name="archs",
    kind=grammars.architectures(),
    default=(ArchGroup.AUTO,),
    section=Section.SELECTION,
    help="Architectures to build for; auto is every width this machine runs natively.",
    details="""
`x86_64`, `i686`, `aarch64`, `ppc64le`, `s390x`, `armv7l`, `riscv64`, in any case, or:

- `auto`: every width this machine surely runs natively, that is x86_64 *and* i686 on x86_64;
- `auto64`: the 64-bit one of these;
- `auto32`: the 32-bit one this machine may run: i686 on x86_64, armv7l on aarch64 (many processors cannot);
- `native`: the architecture of this machine alone;
- `all`: all of them; those this machine cannot run need emulation.

An empty environment variable counts as one that is not set.
""",
    example='archs = ["auto", "aarch64"]',
    flag="--archs",
    metavar="ARCH",
    repeatable=True,
    per_cell=False,
    affects_wheel=False,
)

ENABLE: Option[tuple[EnableGroup, ...]] = Option(
    name="enable",
    kind=basic.Listing(
        item=basic.member(EnableGroup, "group"),
        words="a list of groups, or a string of them separated by spaces or commas",
        split=basic.split_words,
        split_items=True,
        shape=shapes.word(EnableGroup, also=("",)),
        item_shape=shapes.word(EnableGroup),
    ).kind(),
    default=(),
    section=Section.SELECTION,
    help="Groups of interpreters to add: pypy, graalpy, prereleases, those at their end of life.",
    details="""
- `cpython-prerelease`: the next CPython, before its ABI is final;
- `pypy`, `pypy-eol`: PyPy that is supported, and PyPy that no longer is;
- `graalpy`: GraalPy;
- `eol`: CPython 2.7 and 3.4 to 3.8, as far as an image still holds them;
- `all`: all of these.

Environment variable and flag add to what the file says.
""",
    example='enable = ["pypy", "cpython-prerelease"]',
    flag="--enable",
    metavar="GROUP",
    repeatable=True,
    adds=True,
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

TEST_SKIP: Option[tuple[str, ...]] = Option(
    name="test-skip",
    kind=grammars.patterns(),
    default=(),
    section=Section.SELECTION,
    help="Cells to build but not to test: patterns, as in build.",
    example='test-skip = "*-musllinux_* *_i686"',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

PROJECT_REQUIRES_PYTHON: Option[str] = Option(
    name="project-requires-python",
    kind=grammars.version_specifier(),
    default="",
    section=Section.SELECTION,
    help="Python versions the project supports, such as >=3.10; empty: what its metadata says.",
    details="""
Read, in this order, from `requires-python` of `[project]` in pyproject.toml, `python_requires` in setup.cfg, and
`python_requires` in setup.py, which is read and not run. A cell is built if any patch release of its version fits.
""",
    example='project-requires-python = ">=3.10"',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

ALLOW_EMPTY: Option[bool] = Option(
    name="allow-empty",
    kind=basic.boolean(),
    default=False,
    section=Section.SELECTION,
    help="Call it a success if no cell is selected.",
    example="allow-empty = true",
    flag="--allow-empty",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

PACKAGES: Option[tuple[str, ...]] = Option(
    name="packages",
    kind=names.package_paths(),
    default=(),
    section=Section.SELECTION,
    help="Directories of a workspace's packages, which are built together: patterns, `!` leaves out.",
    details="""
In the pyproject.toml at the top of [a workspace](../how-to/workspaces.md), and only there: `runner build` in that
directory builds all of them in one run, each after those whose wheels it needs. The other options of that table are
what each package has where its own table says nothing; an override may name a package in front of a pattern, as in
`select = "pkg-a:*-musllinux_*"`.
""",
    example='packages = ["core", "plugins/*", "!plugins/old"]',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

OPTIONS: tuple[Option[object], ...] = (
    PACKAGES,
    BUILD,
    SKIP,
    TEST_SKIP,
    ARCHS,
    ENABLE,
    PROJECT_REQUIRES_PYTHON,
    ALLOW_EMPTY,
)
