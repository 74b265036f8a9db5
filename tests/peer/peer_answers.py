"""Run by the peer's own Python, not ours: what the peer resolves for a project, as JSON on standard output.

`peer_answers.py PROJECT ARCHS` reads the variables `CIBW_*` of its environment, as the peer's command does. The value
for each identifier has the names of the options, and for each a form that both tools' values can be brought into.
"""

import json
import os
import shlex
import sys
from pathlib import Path

from cibuildwheel.environment import EnvironmentAssignmentRaw, ParsedEnvironment
from cibuildwheel.options import BuildOptions, CommandLineArguments, Options
from cibuildwheel.platforms import ALL_PLATFORM_MODULES, get_build_identifiers
from cibuildwheel.projectfiles import resolve_dependency_groups
from cibuildwheel.util.packaging import DependencyConstraints
from msgspec.structs import replace


def ask(project: Path, archs: str) -> dict[str, dict[str, object]]:
    """Return the peer's options of every identifier that it would build."""
    arguments = replace(CommandLineArguments.defaults(), platform="linux", archs=archs, package_dir=project.resolve())
    options = Options(platform="linux", command_line_arguments=arguments, env=os.environ)
    identifiers = get_build_identifiers(
        platform_module=ALL_PLATFORM_MODULES["linux"],
        build_selector=options.globals.build_selector,
        architectures=options.globals.architectures,
    )
    return {identifier: _plain(options, identifier) for identifier in identifiers}


def _plain(options: Options, identifier: str) -> dict[str, object]:
    resolved = options.build_options(identifier)
    platform = identifier.partition("-")[2]
    libc, _, arch = platform.partition("_")
    image = f"{libc}-{arch}-image"
    with options.reader.identifier(identifier):
        chosen = options.reader.get(image, ignore_empty=True)
    return {
        image: chosen,
        "before-all": resolved.before_all,
        "before-build": resolved.before_build or "",
        "repair-wheel-command": resolved.repair_command,
        "before-test": resolved.before_test or "",
        "test-command": resolved.test_command or "",
        "test-requires": _own_requirements(options, resolved),
        "test-extras": sorted(filter(None, resolved.test_extras.strip("[]").split(","))),
        "test-groups": list(resolved.test_groups),
        "test-sources": list(resolved.test_sources),
        "environment": _assignments(resolved.environment),
        "test-environment": _assignments(resolved.test_environment),
        "config-settings": shlex.split(resolved.config_settings),
        "build-frontend": {"name": resolved.build_frontend.name, "args": list(resolved.build_frontend.args)},
        "build-verbosity": resolved.build_verbosity,
        "container-engine": {
            "name": resolved.container_engine.name,
            "create-args": list(resolved.container_engine.create_args),
        },
        "dependency-versions": _constraints(resolved),
        "audit-requires": list(resolved.audit_requires),
        "audit-command": list(resolved.audit_command),
        "tested": bool(resolved.test_command) and bool(options.globals.test_selector(identifier)),
    }


def _own_requirements(options: Options, resolved: BuildOptions) -> list[str]:
    """Return `test-requires` without what the peer adds to its end from `test-groups`."""
    added = len(resolve_dependency_groups(options.pyproject_toml, *resolved.test_groups))
    return list(resolved.test_requires[: len(resolved.test_requires) - added])


def _assignments(environment: ParsedEnvironment) -> list[list[str]]:
    """Return names and values as a shell reads them; those that `environment-pass` adds stand for themselves."""
    return [
        [item.name, shlex.quote(item.value) if isinstance(item, EnvironmentAssignmentRaw) else item.value]
        for item in environment.assignments
    ]


def _constraints(resolved: BuildOptions) -> dict[str, object]:
    constraints = resolved.dependency_constraints
    if constraints == DependencyConstraints.pinned():
        return {"kind": "pinned"}
    if constraints == DependencyConstraints.latest():
        return {"kind": "latest"}
    if constraints.packages:
        return {"kind": "packages", "packages": list(constraints.packages)}
    return {"kind": "file", "file": constraints.base_file_path.name}


if __name__ == "__main__":
    json.dump(ask(Path(sys.argv[1]), sys.argv[2]), sys.stdout)
