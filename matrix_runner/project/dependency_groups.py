"""Dependency groups of pyproject.toml (PEP 735), resolved to requirements.

Here and not by the installer in the container: pip knows groups since 25.1 only, which needs Python 3.9, and a mistake
in them is better told before anything is built.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from matrix_runner.errors import ConfigError
from matrix_runner.toml import TOMLDecodeError, TOMLValue, loads

_TABLE = "dependency-groups"


@dataclass(frozen=True, kw_only=True, slots=True)
class DependencyGroups:
    """The groups of a package, as written. `file`: how to name their file to the user."""

    file: str
    groups: tuple[tuple[str, TOMLValue], ...] = ()

    def requirements(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return what the named groups require, in order. Raise ConfigError for a group that cannot be resolved."""
        return tuple(line for name in names for line in self._expand(name, ()))

    def _expand(self, name: str, path: tuple[str, ...]) -> Iterator[str]:
        own = canonicalize_name(name)
        found = [(title, group) for title, group in self.groups if canonicalize_name(title) == own]
        if not found:
            known = ", ".join(title for title, _ in self.groups) or "none"
            raise self._mistake(path, f"there is no group {name!r}; there are: {known}")
        if len(found) > 1:
            raise self._mistake(path, f"the groups {found[0][0]!r} and {found[1][0]!r} have the same name (PEP 735)")
        if own in path:
            raise self._mistake(path, f"the group includes itself: {' -> '.join((*path, own))}")
        title, group = found[0]
        if not isinstance(group, list):
            raise self._mistake((title,), "expected a list of requirements")
        for item in group:
            yield from self._item(item, title, (*path, own))

    def _item(self, item: TOMLValue, title: str, path: tuple[str, ...]) -> Iterator[str]:
        # Few projects have groups, and all would wait for it.
        from packaging.requirements import InvalidRequirement, Requirement

        match item:
            case str():
                try:
                    Requirement(item)
                except InvalidRequirement as error:
                    problem = str(error).splitlines()[0]
                    raise self._mistake((title,), f"{item!r} is no requirement: {problem}") from None
                yield item
            case {"include-group": str() as included, **rest} if not rest:
                yield from self._expand(included, path)
            case _:
                raise self._mistake((title,), f"expected requirements and {{include-group = ...}}, got {item!r}")

    def _mistake(self, path: tuple[str, ...], text: str) -> ConfigError:
        return ConfigError((f"{self.file}: {'.'.join((_TABLE, *path[-1:]))}: {text}",))


def read_groups(package: Path) -> DependencyGroups:
    """Read the groups of a package's directory; none where it has no pyproject.toml, or one that cannot be read."""
    file = package / "pyproject.toml"
    try:
        table = loads(file.read_text("utf-8")).get(_TABLE, {})
    except (OSError, UnicodeDecodeError, TOMLDecodeError):
        # Who says so is the reader of the configuration, and the build backend.
        table = {}
    pairs = table.items() if isinstance(table, dict) else ()
    return DependencyGroups(file=file.name, groups=tuple(pairs))
