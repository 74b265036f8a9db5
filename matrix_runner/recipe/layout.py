"""The paths of a cell's files in its container. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Where a cell's things are, inside. The same in every cell, so that builds are reproducible.

    `inner`: the package's directory, relative to the project with `/`; "" where the project is the package.
    """

    root: str
    inner: str = ""

    @property
    def project(self) -> str:
        """The source tree: `{project}` in commands."""
        return f"{self.root}/project"

    @property
    def package(self) -> str:
        """What is built, the project or a directory below it: `{package}` in commands."""
        return f"{self.project}/{self.inner}" if self.inner else self.project

    @property
    def matrix(self) -> str:
        """Everything else of ours."""
        return f"{self.root}/matrix"

    @property
    def built(self) -> str:
        """Where the build frontend puts the wheel."""
        return f"{self.matrix}/built"

    @property
    def repaired(self) -> str:
        """Where repair puts it: `{dest_dir}`."""
        return f"{self.matrix}/repaired"

    @property
    def test(self) -> str:
        """Working directory of the tests."""
        return f"{self.matrix}/test"

    @property
    def build_environment(self) -> str:
        """An environment for the build frontend, where the interpreter itself must not be changed or lacks it."""
        return f"{self.matrix}/build-environment"

    @property
    def audit_environment(self) -> str:
        """The environment of what checks the repaired wheel."""
        return f"{self.matrix}/audit-environment"

    @property
    def test_environment(self) -> str:
        """The fresh environment in which the repaired wheel is tested."""
        return f"{self.matrix}/test-environment"

    @property
    def constraints(self) -> str:
        """The versions of the tools that we install, as a constraints file."""
        return f"{self.matrix}/constraints.txt"

    @property
    def downloads(self) -> str:
        """What installers keep of what they fetched: a volume that the project's cells of all runs share."""
        return f"{self.matrix}/downloads"

    @property
    def compiled(self) -> str:
        """What a compiler cache keeps: a volume as well."""
        return f"{self.matrix}/compiled"

    @property
    def compilers(self) -> str:
        """Commands named like compilers that ask the compiler cache first."""
        return f"{self.matrix}/compilers"

    @property
    def compiler_log(self) -> str:
        """What the compiler cache says of each call in this cell."""
        return f"{self.matrix}/compiler-cache.log"

    @property
    def source_list(self) -> str:
        """In a prepared image: the project's files as they were put, to find what has changed since."""
        return f"{self.matrix}/source-list"

    @property
    def variables(self) -> str:
        """What `environment` came to, as a file for the shell."""
        return f"{self.matrix}/environment.sh"

    @property
    def test_variables(self) -> str:
        """What `environment` and then `test-environment` came to, as a file for the shell."""
        return f"{self.matrix}/test-environment.sh"
