"""The list of what is built, next to the peer's, for the same files, variables and flags."""

from pathlib import Path

import pytest
from peer_tool import FORMER_GROUP, Peer, our_identifiers

CHOICES: dict[str, dict[str, str]] = {
    "nothing": {},
    "build": {"CIBW_BUILD": "cp3{11,12}-* cp313t-* pp*"},
    "skip": {"CIBW_SKIP": "*-musllinux_* cp31?t-*"},
    "build-and-skip": {"CIBW_BUILD": "*x86_64 *aarch64", "CIBW_SKIP": "cp310-*"},
    "empty-skip": {"CIBW_SKIP": ""},
    "enable": {"CIBW_ENABLE": "pypy graalpy"},
    "enable-all": {"CIBW_ENABLE": "all"},
    "requires-python": {"CIBW_PROJECT_REQUIRES_PYTHON": ">=3.12,<3.14"},
    "enable-inherit": {"CIBW_INHERIT": "enable: none", "CIBW_ENABLE": "pypy"},
    "skip-inherit": {"CIBW_INHERIT": "skip", "CIBW_SKIP": "*t-*"},
}

ARCHS: dict[str, dict[str, str]] = {
    "nothing": {},
    "archs": {"CIBW_ARCHS": "x86_64,aarch64"},
    "archs-linux": {"CIBW_ARCHS_LINUX": "auto64 auto32", "CIBW_ARCHS": "s390x"},
    "empty-archs": {"CIBW_ARCHS": "", "CIBW_ARCHS_LINUX": ""},
    "native": {"CIBW_ARCHS": "native"},
}


def same_list(peer: Peer, project: Path, archs: str | None, variables: dict[str, str]) -> None:
    """Compare what both print. What the peer refuses as of former days, we read and remark on."""
    ours = our_identifiers(project, archs, variables)
    readable = peer.reads(project, variables)
    theirs = peer.identifiers(project, archs, readable)
    assert theirs.code == 0, theirs.complaint
    assert ours.lines == theirs.lines, ours.complaint
    assert readable == variables or FORMER_GROUP in ours.complaint, ours.complaint
    assert "Traceback" not in ours.complaint


@pytest.mark.parametrize("choice", CHOICES)
def test_same_list_for_all_architectures(peer: Peer, project: Path, choice: str) -> None:
    """With every architecture, the same identifiers are printed in the same order, whatever the variables select."""
    same_list(peer, project, "all", CHOICES[choice])


@pytest.mark.parametrize("choice", ARCHS)
def test_same_list_for_the_projects_own_architectures(peer: Peer, project: Path, choice: str) -> None:
    """Without `--archs`, the project's `archs` and the variables mean the same architectures of this machine."""
    same_list(peer, project, None, ARCHS[choice])
