"""The paths of a cell's files in its container. Pure."""

import msgspec


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The paths of a cell's files in its container. The same in every cell, so that builds are reproducible.

    `inner`: the package's directory, relative to the project with `/`; "" if the project is the package. `prefix`: the
    project's directory in its repository, if that goes along and is larger; "" otherwise. `is_from_sdist`: whether
    wheels are built from an sdist of the package that this run has made.
    """

    root: str
    inner: str = ""
    prefix: str = ""
    is_from_sdist: bool = False

    @property
    def source(self) -> str:
        """The directory of all that was packed: the project, or the top of the repository that it is in."""
        return f"{self.root}/repository" if self.prefix else self.link

    @property
    def project(self) -> str:
        """The source tree: `{project}` in commands. In its repository it has its place there, so that git finds it."""
        return f"{self.source}/{self.prefix}" if self.prefix else self.link

    @property
    def link(self) -> str:
        """The project's fixed path, which commands may name: itself, or a link to it."""
        return f"{self.root}/project"

    @property
    def package(self) -> str:
        """The package to build: `{package}` in commands, except in `before-all`. Its sdist if this run has one."""
        return self.sdist if self.is_from_sdist else self.original_package

    @property
    def original_package(self) -> str:
        """The package as the user has it: the project or a directory below it."""
        return f"{self.project}/{self.inner}" if self.inner else self.project

    @property
    def sdist(self) -> str:
        """The unpacked sdist. Not below the project: no git and no settings around it have a say in its build."""
        return f"{self.matrix}/sdist"

    @property
    def matrix(self) -> str:
        """The directory of all our other files."""
        return f"{self.root}/matrix"

    @property
    def built(self) -> str:
        """The build frontend's output directory."""
        return f"{self.matrix}/built"

    @property
    def repaired(self) -> str:
        """The repair's output directory: `{dest_dir}` in commands."""
        return f"{self.matrix}/repaired"

    @property
    def bills(self) -> str:
        """The directory of bills of materials of our own, before they are in the wheel."""
        return f"{self.matrix}/bills"

    @property
    def test(self) -> str:
        """The working directory of the tests."""
        return f"{self.matrix}/test"

    @property
    def build_environment(self) -> str:
        """The build frontend's environment, for an interpreter that must not be changed or lacks a frontend."""
        return f"{self.matrix}/build-environment"

    @property
    def frontend(self) -> str:
        """The directory of our own build frontend: its programs, and what they tell each other."""
        return f"{self.matrix}/frontend"

    @property
    def isolated_environment(self) -> str:
        """The environment that our own build frontend fills with what the build requires."""
        return f"{self.matrix}/isolated"

    @property
    def audit_environment(self) -> str:
        """The environment of the tools that check the repaired wheel."""
        return f"{self.matrix}/audit-environment"

    @property
    def test_environment(self) -> str:
        """The fresh environment for tests of the repaired wheel."""
        return f"{self.matrix}/test-environment"

    @property
    def constraints(self) -> str:
        """The versions of the tools that we install, as a constraints file."""
        return f"{self.matrix}/constraints.txt"

    @property
    def build_constraints(self) -> str:
        """The versions of what the build requires, as a constraints file."""
        return f"{self.matrix}/build-constraints.txt"

    def locked(self, group: str) -> str:
        """Return the file of a group's locked requirements, each with its hashes."""
        return f"{self.matrix}/locked-{group}.txt"

    @property
    def needed(self) -> str:
        """The wheels of other packages of the workspace, each in a directory of its own."""
        return f"{self.matrix}/needed"

    @property
    def needed_constraints(self) -> str:
        """The constraints that hold installers to those wheels."""
        return f"{self.needed}/constraints.txt"

    @property
    def downloads(self) -> str:
        """The installers' caches: a volume that the project's cells of all runs share."""
        return f"{self.matrix}/downloads"

    @property
    def given(self) -> str:
        """The source as one file, on an engine to which the way is long: a volume that belongs to the run."""
        return f"{self.matrix}/given"

    @property
    def fetched(self) -> str:
        """Where the container with a network leaves what it has fetched: a volume that belongs to the run."""
        return f"{self.matrix}/fetched"

    @property
    def stub(self) -> str:
        """The wheel to test without its files, to fetch by its metadata what it requires."""
        return f"{self.matrix}/stub"

    @property
    def bytecode(self) -> str:
        """The bytecode of what builds require, for our own build frontend: a volume that cells of all images share."""
        return f"{self.matrix}/bytecode"

    @property
    def compiled(self) -> str:
        """The compiler cache's directory: a volume as well."""
        return f"{self.matrix}/compiled"

    @property
    def compilers(self) -> str:
        """Wrappers named like compilers that query the compiler cache first."""
        return f"{self.matrix}/compilers"

    @property
    def compiler_log(self) -> str:
        """The compiler cache's log of each call in this cell."""
        return f"{self.matrix}/compiler-cache.log"

    @property
    def backend_folder(self) -> str:
        """The folder in which a build backend compiles that would else take one of random name."""
        return f"{self.matrix}/backend-build"

    @property
    def packing(self) -> str:
        """The directory of the program that packs what is carried to other machines, and of its notes."""
        return f"{self.matrix}/packing"

    @property
    def source_list(self) -> str:
        """The list of the project's original files in a prepared image, to find later changes."""
        return f"{self.matrix}/source-list"

    @property
    def variables(self) -> str:
        """The evaluated variables of `environment`, as a file for the shell."""
        return f"{self.matrix}/environment.sh"

    @property
    def test_variables(self) -> str:
        """The evaluated variables of `environment` and `test-environment`, as a file for the shell."""
        return f"{self.matrix}/test-environment.sh"
