"""What a package of a workspace asks to be installed, as its pyproject.toml says it; what the others may have of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from packaging.utils import canonicalize_name

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.loading.toml_file import Unreadable
from matrix_runner.config.options.test_options import TEST_EXTRAS, TEST_GROUPS, TEST_REQUIRES
from matrix_runner.matrix import Job
from matrix_runner.project.build_hints import hints_at_stable_abi
from matrix_runner.project.dependency_groups import DependencyGroups
from matrix_runner.toml import TOMLValue, table_of, texts_of

_NOTHING: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


def static_version(metadata: Mapping[str, TOMLValue]) -> str | None:
    """Return the version in a `[project]` table; None if it is known only once something is built."""
    version = metadata.get("version")
    is_static = isinstance(version, str) and "version" not in texts_of(metadata.get("dynamic"))
    return version if is_static and isinstance(version, str) else None


class AskedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """What a package is to others, and asks for, as words of PEP 508.

    `name`: as cells have it. `project`: the normalised name that others ask for. `version`: None if it is known only
    once a wheel is built. `build`: what a build requires; `runtime`: what its wheel requires, and by extra what it does
    besides, as far as the file says it: what a backend finds out itself comes from the index. `groups`: for tests.
    `shares_wheels`: whether one wheel of it may serve several Pythons.
    """

    name: str
    project: str
    version: str | None = None
    build: tuple[str, ...] = ()
    runtime: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = _NOTHING
    groups: DependencyGroups = DependencyGroups(groups=MappingProxyType({}))
    shares_wheels: bool = False

    @classmethod
    def of(cls, name: str, project: str | None, files: BuildFiles) -> "AskedPackage":
        """Read it. `project`: the name in the metadata. A file that cannot be read is reported by others."""
        try:
            found = files.pyproject()
        except Unreadable:
            found = None
        content: Mapping[str, TOMLValue] = {} if found is None else found.content
        metadata = table_of(content.get("project"))
        optional = table_of(metadata.get("optional-dependencies"))
        return cls(
            name=name,
            project=canonicalize_name(project or name),
            version=static_version(metadata),
            build=texts_of(table_of(content.get("build-system")).get("requires")),
            runtime=texts_of(metadata.get("dependencies")),
            extras={canonicalize_name(extra): texts_of(words) for extra, words in optional.items()},
            groups=DependencyGroups.of(files),
            shares_wheels=hints_at_stable_abi(files),
        )

    def tests(self, job: Job) -> tuple[str, ...]:
        """Return what the tests of a cell require besides the wheel. Raise ConfigError for a group that is lacking."""
        if not job.has_tests:
            return ()
        return (*job.settings[TEST_REQUIRES], *self.groups.requirements(job.settings[TEST_GROUPS]))

    def wheel(self, extras: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return what its wheel requires, with some of its extras."""
        more = (word for extra in extras for word in self.extras.get(canonicalize_name(extra), ()))
        return (*self.runtime, *more)

    def tested_extras(self, job: Job) -> tuple[str, ...]:
        """Return the extras with which a cell's wheel is installed for its tests."""
        return job.settings[TEST_EXTRAS] if job.has_tests else ()
