"""Options for caching: cell cache, remote cache, compiler cache, inputs of prepared images."""

from matrix_runner.config.kinds import basic, grammars, names, programs
from matrix_runner.config.kinds.units import BYTES, SECONDS
from matrix_runner.config.kinds.values import CacheCarry, CompilerCacheChoice
from matrix_runner.config.options.option import Option, Section

NO_CACHE: Option[bool] = Option(
    name="no-cache",
    kind=basic.boolean(),
    default=False,
    section=Section.CACHE,
    help="Build every cell anew, and keep nothing of it for later runs.",
    example="no-cache = true",
    flag="--no-cache",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

REBUILD: Option[tuple[str, ...]] = Option(
    name="rebuild",
    kind=grammars.patterns(),
    default=(),
    section=Section.CACHE,
    help="Cells to build anew though nothing has changed: patterns, as in build.",
    flag="--rebuild",
    metavar="PATTERN",
    repeatable=True,
    example='rebuild = "cp313-*"',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

CACHE_DIR: Option[str] = Option(
    name="cache-dir",
    kind=basic.string(words="a path", may_be_empty=True),
    default="",
    section=Section.CACHE,
    help="Directory for finished cells; empty: the user's cache directory.",
    details="""
A plain directory: a CI cache action, a shared disk or rsync can carry it. A relative path starts at the directory in
which the command is run.
""",
    example='cache-dir = ".runner-cache"',
    flag="--cache-dir",
    metavar="DIRECTORY",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

CACHE_CARRY: Option[CacheCarry] = Option(
    name="cache-carry",
    kind=basic.choice(CacheCarry, "way to carry"),
    default=CacheCarry.AUTO,
    section=Section.CACHE,
    help="Put into the cache directory too what makes a fresh machine warm: auto, off, on, or all.",
    details="""
That is what `before-all` added to images, what was downloaded, and what compilers made: see
[A fresh machine](../explanation/caching.md#a-fresh-machine). `auto`: if `cache-dir` or `cache-remote` is set. What a
`before-all` made that was given variables from outside of the project, or secrets, may hold their values, and stays
out, unless it is `all`.
""",
    example='cache-carry = "on"',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

CACHE_SCOPE: Option[str] = Option(
    name="cache-scope",
    kind=basic.string(words="a name", may_be_empty=True),
    default="",
    section=Section.CACHE,
    help="Name of the project for what is carried; empty: its repository's address and its place in it.",
    details="""
Only a run of the same scope gets it back. Without a repository that has a remote nothing is carried unless a scope is
named.
""",
    example='cache-scope = "my-project"',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

CACHE_MAX_AGE: Option[int] = Option(
    name="cache-max-age",
    kind=basic.measured(
        words="seconds, or a duration such as `12h`, `7d`",
        units=SECONDS,
        least=1,
        most=3650 * SECONDS["d"],
        least_text="one second to ten years",
    ),
    default=7 * SECONDS["d"],
    section=Section.CACHE,
    help="How old a finished cell may be and still be taken, such as 7d; 0: any age.",
    details="""
What a build requires from the package index (`setuptools`, `numpy`, test requirements) is not pinned by most projects:
a new release there changes nothing that could be seen here, so a finished cell is taken for this long only. Age does
not matter where the builds are pinned: by [`build-constraints`](#build-constraints) with a hash on every line, or by
[`exclude-newer`](#exclude-newer) with a date or time that had passed when the cell was built, or by a lock
([`locked`](#locked)), with which they are part of the key. With `build-constraints` the tests' requirements are then
those of the day on which the cell was tested.
""",
    example='cache-max-age = "1d"',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

CACHE_SIZE: Option[int] = Option(
    name="cache-size",
    kind=basic.measured(
        words="bytes, or a size such as `500m` or `10g`",
        units=BYTES,
        least=1024**2,
        most=1024**5,
        least_text="1m to 1024t",
    ),
    default=5 * 1024**3,
    section=Section.CACHE,
    help="How much finished cells may take up, such as 10g; 0: no limit.",
    details="""
What was used longest ago goes first, at the end of a run.
""",
    example='cache-size = "10g"',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

CACHE_REMOTE: Option[str] = Option(
    name="cache-remote",
    kind=basic.string(words="a URL", may_be_empty=True),
    default="",
    section=Section.CACHE,
    help="Where machines share finished cells, such as s3://bucket/prefix; empty: nowhere.",
    details="""
A cell that is not in the cache directory is looked for there, and a cell that has passed is put there. It is a URL
that `fsspec` opens; `pip install matrix-runner[remote]` brings that, and for `s3://` what speaks S3. Whoever can write
there decides what wheels are: let untrusted jobs read only.
""",
    example='cache-remote = "s3://wheel-cache/my-project"',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

CACHE_REMOTE_READ_ONLY: Option[bool] = Option(
    name="cache-remote-read-only",
    kind=basic.boolean(),
    default=False,
    section=Section.CACHE,
    help="Take finished cells from cache-remote, and put none there.",
    example="cache-remote-read-only = true",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

BEFORE_ALL_INPUTS: Option[tuple[str, ...]] = Option(
    name="before-all-inputs",
    kind=names.path_patterns(),
    default=(),
    section=Section.CACHE,
    help="Files that before-all depends on, as patterns; empty: the whole project.",
    details="""
The result of `before-all` is kept as an image and used until the image, the command, its environment or one of these
files changes. Patterns are those of .gitignore, relative to the project.
""",
    example='before-all-inputs = ["ci/**", "vendor/lz4/"]',
)


def _tool(value: object) -> str:
    """Return the compiler cache's name: where it keeps what it knows changes no wheel."""
    if not isinstance(value, CompilerCacheChoice):
        raise TypeError(value)
    return str(value.name)


COMPILER_CACHE: Option[CompilerCacheChoice] = Option(
    name="compiler-cache",
    kind=programs.compiler_cache(),
    default=CompilerCacheChoice(),
    section=Section.CACHE,
    help="Keep what compilers made: none, ccache or sccache.",
    details="""
The image's own program is used, and where it has none, one is [brought](../explanation/caching.md#what-was-compiled):
ccache on x86_64 and aarch64 machines, sccache in glibc's cells of x86_64, aarch64 and i686. One volume an architecture
and project. Sources stand at the same paths in every cell and run, so that it hits; what it did is in the report. With
`sccache; backend: gha` it is [GitHub's cache](../how-to/caches.md#githubs-cache-as-sccaches) in place of the volume.
""",
    example='compiler-cache = "ccache"',
    key_text=_tool,
)

OPTIONS: tuple[Option[object], ...] = (
    NO_CACHE,
    REBUILD,
    CACHE_DIR,
    CACHE_CARRY,
    CACHE_SCOPE,
    CACHE_MAX_AGE,
    CACHE_SIZE,
    CACHE_REMOTE,
    CACHE_REMOTE_READ_ONLY,
    BEFORE_ALL_INPUTS,
    COMPILER_CACHE,
)
