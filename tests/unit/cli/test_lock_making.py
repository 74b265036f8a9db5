"""What cells are asked for a lock: all that the project wants, and which versions are to stay."""

from pathlib import Path

import pytest
from planning import job_for, settings_with
from sample_locks import ONE, TWO, answer, resolved

from matrix_runner import catalog
from matrix_runner.cli.locked.lock_making import Questions, Upgrade, require_network
from matrix_runner.config.kinds.values import Network, Sandbox
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import NETWORK, SANDBOX
from matrix_runner.errors import UsageError
from matrix_runner.locking.lock_merge import merge
from matrix_runner.locking.lock_values import Group, Lock
from matrix_runner.project.asked_requirements import ProjectRequirements

CATALOG = catalog.load()
OLD = merge(
    Lock(),
    [answer(ONE, {Group.BUILD: (resolved("setuptools", "80"), resolved("numpy", "2.1"), resolved("cython", "3"))})],
    upgraded=(),
    everything=False,
)


@pytest.mark.parametrize(
    ("cell", "upgrade", "kept"),
    [
        (ONE, Upgrade(), ("cython==3", "numpy==2.1")),
        # A new cell gets what the others have, if it can.
        (TWO, Upgrade(), ("cython==3", "numpy==2.1")),
        (ONE, Upgrade(names=frozenset({"numpy"})), ("cython==3",)),
        (ONE, Upgrade(everything=True), None),
    ],
)
def test_versions_that_are_to_stay(tmp_path: Path, cell: str, upgrade: Upgrade, kept: tuple[str, ...] | None) -> None:
    """All that is locked, but for what is to be upgraded, and what the project does not want any more."""
    (tmp_path / "pyproject.toml").write_text('[build-system]\nrequires = ["setuptools>=81"]\n')
    questions = Questions(ProjectRequirements(tmp_path, BuildFiles(tmp_path)), OLD, upgrade)
    question = questions.question(job_for(cell, CATALOG))
    assert question.asked == {Group.TOOLS: ("pip",), Group.BUILD: ("setuptools>=81",)}
    assert question.kept.get(Group.BUILD) == kept


@pytest.mark.parametrize(
    ("values", "network"),
    [
        ({NETWORK: Network.BUILD_REQUIRES}, "build-requires"),
        ({NETWORK: Network.NONE}, "none"),
        ({SANDBOX: Sandbox.STRICT}, "build-requires"),
    ],
)
def test_a_lock_takes_a_network(values: dict[Option[object], object], network: str) -> None:
    """The backend's hooks are asked between two installations: refused before a container is opened, with a way out."""
    cut_off = job_for(ONE, CATALOG, settings_with(values))
    with pytest.raises(UsageError) as refused:
        require_network([job_for(TWO, CATALOG), cut_off])
    assert refused.value.message == f"a lock cannot be made where network is {network}: {ONE}"
    assert refused.value.hint is not None
    assert "runner lock --network all" in refused.value.hint
    require_network([job_for(ONE, CATALOG, settings_with({**values, NETWORK: Network.ALL}))])
