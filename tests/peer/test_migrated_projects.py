"""`runner migrate` on a copy of each project: the table that is then our own says what the peer's said."""

import shutil
from pathlib import Path

from peer_tool import Peer, Values, ask, our_identifiers, our_options, representatives
from runner_process import runner_argv

# What a value is worth, not where it stands or how it is spelled.
_UNSPELLED = ("audit-command", "before-all", "before-build", "before-test", "repair-wheel-command", "test-command")


def spelled_alike(values: Values) -> Values:
    """Return the values, each list of commands as the one line that it is; without what only a table of ours says."""
    joined = {name: values[name] for name in _UNSPELLED}
    joined = {name: " && ".join(value) if isinstance(value, list) else value for name, value in joined.items()}
    return {name: value for name, value in {**values, **joined}.items() if name != "accept"}


def test_migrated_project_is_the_same(peer: Peer, project: Path, tmp_path: Path) -> None:
    """After the migration, without cibuildwheel's table, the list is the same and so is each option of each cell."""
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    done = ask(*runner_argv("migrate", "--yes", "."), directory=copy, variables={})
    assert done.code == 0, done.complaint
    assert "[tool.matrix-runner]" in (copy / "pyproject.toml").read_text("utf-8")
    for archs in ("all", None):
        before, after = (our_identifiers(directory, archs, {}) for directory in (project, copy))
        assert after.lines == before.lines, after.complaint
        assert (after.code, "Traceback" in after.complaint) == (0, False), after.complaint
    for identifier in representatives(peer.options(project, "all", peer.reads(project, {}))):
        was, now = (spelled_alike(our_options(directory, identifier, {})) for directory in (project, copy))
        assert now == was, identifier
