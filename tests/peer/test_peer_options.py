"""Every option of a cell, next to the peer's, for the same files and variables."""

import json
from pathlib import Path

import pytest
from peer_tool import Peer, Values, our_options, representatives
from peer_values import meaning_of_ours, meaning_of_theirs

CHOICES: dict[str, dict[str, str]] = {
    "nothing": {},
    "environment": {"CIBW_ENVIRONMENT": "CFLAGS=-O2 SECOND=\"$CFLAGS y\" THIRD='$CFLAGS'"},
    "environment-linux": {"CIBW_ENVIRONMENT": "A=1", "CIBW_ENVIRONMENT_LINUX": "B='2 3' C=$(echo x)"},
    "environment-inherit": {"CIBW_INHERIT": "environment", "CIBW_ENVIRONMENT": 'A=1 CFLAGS="$CFLAGS -O1"'},
    "environment-pass": {"CIBW_ENVIRONMENT_PASS_LINUX": "CI NOT_SET", "CI": "a b"},
    "commands": {
        "CIBW_BEFORE_ALL_LINUX": "yum install -y x && echo {project}",
        "CIBW_BEFORE_BUILD": "a",
        "CIBW_BEFORE_BUILD_LINUX": "",
        "CIBW_REPAIR_WHEEL_COMMAND": "",
        "CIBW_TEST_SKIP": "*-musllinux* cp312-*",
        "CIBW_TEST_COMMAND": "pytest {package}",
    },
    "inherit": {
        "CIBW_INHERIT": "test-requires: prepend; test-command; before-all-linux: prepend; test-extras; config-settings",
        "CIBW_TEST_REQUIRES": "one 'two three'",
        "CIBW_TEST_COMMAND": "after",
        "CIBW_BEFORE_ALL_LINUX": "first",
        "CIBW_TEST_EXTRAS": "q,r",
        "CIBW_CONFIG_SETTINGS": "setup-args=-Dq=1 z=1",
    },
    "images": {
        "CIBW_MANYLINUX_X86_64_IMAGE": "manylinux_2_34",
        "CIBW_MUSLLINUX_X86_64_IMAGE": "",
        "CIBW_MANYLINUX_I686_IMAGE": "registry.example/x/y:z",
    },
    "frontend": {
        "CIBW_BUILD_FRONTEND": "pip; args: --no-deps --find-links 'y z'",
        "CIBW_CONFIG_SETTINGS": "a=b 'c=d e' a=f",
        "CIBW_BUILD_VERBOSITY": "2",
        "CIBW_DEPENDENCY_VERSIONS": "packages: a==1 b",
    },
    "test": {
        "CIBW_TEST_REQUIRES": "pytest 'a b' -r x.txt",
        "CIBW_TEST_GROUPS": "",
        "CIBW_TEST_SOURCES": "a 'b c'",
        "CIBW_TEST_ENVIRONMENT": "X=1",
        "CIBW_TEST_ENVIRONMENT_LINUX": 'Y=2 Z="$Y"',
    },
    "engine": {
        "CIBW_CONTAINER_ENGINE": "podman; create_args: --cap-add SYS_PTRACE; disable_host_mount: true",
        "CIBW_AUDIT_COMMAND": "abi3audit {abi3_wheel} && twine check {wheel}",
        "CIBW_AUDIT_REQUIRES": "abi3audit twine",
        "CIBW_DEPENDENCY_VERSIONS_LINUX": "latest",
    },
}


@pytest.mark.parametrize("choice", CHOICES)
def test_same_options(peer: Peer, project: Path, choice: str) -> None:
    """Each option of each kind of cell has the same meaning, whatever the variables say.

    Cells for which the peer resolves the same are of one kind; the first of each is compared.
    """
    variables = CHOICES[choice]
    theirs = peer.options(project, "all", peer.reads(project, variables))
    for identifier in representatives(theirs):
        explained: Values = our_options(project, identifier, variables)
        ours = meaning_of_ours(identifier, explained, variables)
        assert ours == meaning_of_theirs(theirs[identifier]), f"{identifier}\n{json.dumps(explained, indent=1)}"
