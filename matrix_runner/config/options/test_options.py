"""Options for testing a repaired wheel: commands, requirements, extras, groups, sources, environment."""

from matrix_runner.config.kinds import basic, grammars, names
from matrix_runner.config.kinds.values import FreeThreading, Variables
from matrix_runner.config.options.option import Option, Section

TEST_COMMAND: Option[str] = Option(
    name="test-command",
    kind=grammars.command("project", "package", "wheel"),
    default="",
    section=Section.TEST,
    help="Shell command that tests the installed wheel; empty: no test.",
    details="""
Runs in a fresh environment that holds the repaired wheel, in a directory outside the project, so that the wheel is
tested and not the source. A list is joined with `&&`. Placeholders: `{project}`, `{package}`, `{wheel}`, the repaired
wheel.
""",
    example='test-command = "pytest {project}/tests"',
)

BEFORE_TEST: Option[str] = Option(
    name="before-test",
    kind=grammars.command("project", "package", "wheel"),
    default="",
    section=Section.TEST,
    help="Shell command in the test environment, before the wheel is installed there.",
    details="""
Placeholders: `{project}`, `{package}`, `{wheel}`.
""",
    example='before-test = "pip install --no-deps {project}/tests/plugin"',
)

TEST_REQUIRES: Option[tuple[str, ...]] = Option(
    name="test-requires",
    kind=grammars.requirements(),
    default=(),
    section=Section.TEST,
    help="What to install for the test, as arguments for the installer.",
    example='test-requires = ["pytest>=8", "hypothesis"]',
)

TEST_EXTRAS: Option[tuple[str, ...]] = Option(
    name="test-extras",
    kind=names.names("extras"),
    default=(),
    section=Section.TEST,
    help="Extras of the wheel to install for the test.",
    example='test-extras = ["test", "cli"]',
)

TEST_GROUPS: Option[tuple[str, ...]] = Option(
    name="test-groups",
    kind=names.names("dependency groups"),
    default=(),
    section=Section.TEST,
    help="Dependency groups of pyproject.toml to install for the test (PEP 735).",
    details="""
They are resolved before anything is built, so that a pip that does not know them will do. The project has to have them:

```toml
[dependency-groups]
test = ["pytest>=8", "hypothesis"]

[tool.matrix-runner]
test-groups = ["test"]
```
""",
    example='test-groups = ["test"]',
)

TEST_SOURCES: Option[tuple[str, ...]] = Option(
    name="test-sources",
    kind=names.inside_paths(),
    default=(),
    section=Section.TEST,
    help="Files and directories of the project to copy to where the test runs.",
    details="""
Paths are relative to the project and stay inside it.
""",
    example='test-sources = ["tests", "pyproject.toml"]',
)

TEST_RESULTS: Option[tuple[str, ...]] = Option(
    name="test-results",
    kind=names.result_paths(),
    default=(),
    section=Section.TEST,
    help="JUnit files that the test writes: they go into the report, and into its junit.xml.",
    details="""
Paths, or patterns with `*`, `?`, `[a-z]` and, for any directories, `**`, relative to the directory where `test-command`
runs. They are taken whether the test passed or failed, and kept in the [report directory](report.md#results-of-tests).
In `junit.xml` each suite, and each test's class, has the cell in its name, so that a CI system tells the tests of one
cell from those of another. A file that is missing or damaged is warned of, and fails nothing. pytest writes one with
`test-command = "pytest --junitxml=junit.xml {project}/tests"`.

Changes neither wheel nor verdict, so it has no part in what is [cached](../explanation/caching.md): a cell that is
taken from there has the results that were taken when it was built.
""",
    example='test-results = ["junit.xml"]',
    affects_wheel=False,
)

TEST_ENVIRONMENT: Option[Variables] = Option(
    name="test-environment",
    kind=grammars.environment(),
    default=(),
    section=Section.TEST,
    help="Environment variables for the commands of the test alone.",
    details="""
Set after `environment`, in the same syntax: `before-test`, the installation of the wheel and `test-command` see them.
""",
    example='test-environment = { PYTHONSAFEPATH = "1" }',
    may_hold_secrets=True,
)

TEST_ON: Option[tuple[str, ...]] = Option(
    name="test-on",
    kind=names.images(),
    default=(),
    section=Section.TEST,
    help="Clean images of other distributions in which the repaired wheel is installed and tested too.",
    details="""
After its own test, each cell's wheel is tested in a container of every image of the list that it is for: by its
architecture, its C library and the version in its platform tag. There it has neither compiler nor headers, and no
library of the image that it was built in. A distribution's own Python is taken if the wheel is for it, else the cell's
is brought along. A wheel that fails in one of them fails its cell.

Where wheels are built in images that are made here, `debian:bullseye`, `debian:bookworm` and `debian:trixie` are made
here too; any other name, and these elsewhere, is pulled. [Test on other distributions](../how-to/test-on.md) says what
runs there, and what it costs. The images are part of what is [cached](../explanation/caching.md).
""",
    example='test-on = ["debian:bullseye", "debian:trixie", "ubuntu:24.04"]',
    # Not by its text: the images that it names are among a cell's inputs, where there are any.
    affects_wheel=False,
)

FREE_THREADING: Option[FreeThreading] = Option(
    name="free-threading",
    kind=basic.choice(FreeThreading, "answer to a module that turns the GIL on"),
    default=FreeThreading.CHECK,
    section=Section.TEST,
    help="A module that turns the GIL on in a free-threaded Python: check (warn), require (fail) or off.",
    details="""
In cells such as `cp314t`, each extension module of the wheel is imported in a fresh interpreter of the test
environment, which is made for this if there is no `test-command`; `test-skip` leaves the check out too. A module
without `Py_MOD_GIL_NOT_USED` turns the GIL on for the whole process, silently in most test runs: it is named. With
`require` its cell fails (exit code 5). A module that cannot be imported is named in a warning, as one that needs a GPU
may not be; so is one that imports a requirement which turns the GIL on, and with `check` a wheel that cannot be
installed.
""",
    example='free-threading = "require"',
)

OPTIONS: tuple[Option[object], ...] = (
    BEFORE_TEST,
    TEST_COMMAND,
    TEST_REQUIRES,
    TEST_EXTRAS,
    TEST_GROUPS,
    TEST_SOURCES,
    TEST_RESULTS,
    TEST_ENVIRONMENT,
    TEST_ON,
    FREE_THREADING,
)
