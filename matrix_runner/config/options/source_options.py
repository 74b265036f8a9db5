"""Options for the source: files of the project's directory that go into the cells, its git history, the sdist."""

from matrix_runner.config.kinds import basic, names
from matrix_runner.config.kinds.values import SourceFiles
from matrix_runner.config.options.option import Option, Section

PROJECT_DIR: Option[str] = Option(
    name="project-dir",
    kind=basic.string(words="a path", may_be_empty=True),
    default="",
    section=Section.SOURCE,
    help="Directory to copy into the cells, from the package's own, such as `..`; empty: the package's own.",
    details="""
For a package below its project, of which it needs other files: with `project-dir = ".."` in `python/pyproject.toml`,
`runner build python` copies the directory around `python`, and `{project}` in commands is that one. The flag
`--project`, which starts at the directory in which the command is run, outranks it. With cibuildwheel's table it is, as
there, the directory in which the command is run, if that contains the package; `runner migrate` writes it down.
""",
    example='project-dir = ".."',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

SOURCE_FILES: Option[SourceFiles] = Option(
    name="source-files",
    kind=basic.choice(SourceFiles, "selection of the project's files"),
    default=SourceFiles.GIT,
    section=Section.SOURCE,
    help="Files of the project's directory that cells get: git (tracked, or new and not ignored) or all.",
    details="""
`git` gives equal wheels from equal commits, whatever else lies in the directory: extension modules and object files of
another Python, environments, credentials in an ignored `.env`. Files that it leaves out although the build may need
them are named when a build starts: ignored ones that lie in a package or that a build file names, repositories within
the project, new files of submodules. Outside of a checkout it takes everything but what builds and tools usually leave
(`dist`, `build/lib.*`, `.venv`, `*.cpython-*.so` and the like). All its files have one date: no build depends on when
they were checked out.

`all` takes everything, with the files' own times and permissions, and empty directories: with `[tool.cibuildwheel]` it
is the default, because cibuildwheel copies the whole directory. In both, the output directory, the report's and the
cache directory stay out. An sdist is always taken as a whole.
""",
    example='source-files = "all"',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

SOURCE_INCLUDE: Option[tuple[str, ...]] = Option(
    name="source-include",
    kind=names.path_patterns(),
    default=(),
    section=Section.SOURCE,
    help="Files that cells get although `source-files` leaves them out, as patterns of .gitignore syntax.",
    details="""
Patterns are relative to the project's directory, as those of a `.gitignore` there: `/data/` is a directory of the
project, `data/` one anywhere, `*.bin` files of any directory, and `!` in front takes back what a pattern before it
named. What a job makes before the build (`npm run build`, generated code, downloaded models) and git ignores is brought
so, and so is a repository within the project (`/vendor/turbo/`), with its history.
""",
    example='source-include = ["/src/demo/static/", "*.generated.c"]',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

SOURCE_EXCLUDE: Option[tuple[str, ...]] = Option(
    name="source-exclude",
    kind=names.path_patterns(),
    default=(),
    section=Section.SOURCE,
    help="Files that cells do not get although `source-files` takes them, as patterns of .gitignore syntax.",
    details="""
They prevail over `source-include`. A tracked file that is left out so does not count as deleted: in the cell, git calls
the tree as clean as it is here.
""",
    example='source-exclude = ["/benchmarks/data/"]',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

SOURCE_HISTORY: Option[bool] = Option(
    name="source-history",
    kind=basic.boolean(),
    default=True,
    section=Section.SOURCE,
    help="Give cells a `.git`, with commits and tags, in which git answers as it does here.",
    details="""
It is a small repository made for the cells: all commits and tags that lead to HEAD, the files of HEAD, and an index in
which files that are clean here are clean there. Older versions of files and credentials are not in it:
[the project's history](../explanation/source.md#history). Where no command of a build asks git, `false` saves its size
and time, and commits that change no file no longer make cells that are cached be built again.
""",
    example="source-history = false",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

SDIST: Option[bool] = Option(
    name="sdist",
    kind=basic.boolean(),
    default=False,
    section=Section.SOURCE,
    help="Build the sdist first, once, and every wheel from it; deliver it beside the wheels.",
    details="""
So what users build from source is what the wheels were made of: a file that the sdist lacks fails the build here, not
at theirs. It is built in the container of one cell, after that image's `before-all`, checked, and put into the output
directory before the first wheel. In every cell it lies unpacked, without `.git`, in `{package}`, and the build starts
from there; `{project}` is the project's own directory as ever, with its tests and scripts. A wheel of another version
than the sdist's is refused. If the sdist fails, no cell is built. A package that is an sdist already is built as it is,
and not delivered again. More: [the sdist first](../explanation/sdist.md).
""",
    example="sdist = true",
    flag="--sdist",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

OPTIONS: tuple[Option[object], ...] = (PROJECT_DIR, SOURCE_FILES, SOURCE_INCLUDE, SOURCE_EXCLUDE, SOURCE_HISTORY, SDIST)
