"""The files that CI systems read are as their schemas want them."""

import subprocess
import sys

import pytest
from runner_process import REPOSITORY

FILES = (
    ("vendor.github-workflows", ".github/workflows/ci.yml"),
    ("vendor.github-workflows", ".github/workflows/release.yml"),
    ("vendor.github-actions", "action.yml"),
    ("vendor.travis", ".travis.yml"),
)


@pytest.mark.parametrize(("schema", "file"), FILES)
def test_a_file_is_as_its_schema_wants_it(schema: str, file: str) -> None:
    """As check-jsonschema, which has the published schemas with it, finds."""
    argv = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(REPOSITORY / file))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_workflow_is_checked() -> None:
    """One that is added has a row above."""
    workflows = {f".github/workflows/{path.name}" for path in (REPOSITORY / ".github/workflows").glob("*.yml")}
    assert workflows <= {file for _, file in FILES}
