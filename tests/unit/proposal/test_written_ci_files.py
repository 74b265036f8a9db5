"""The files for CI systems: as their published schemas want them, and with what a release needs."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from matrix_runner.proposal.ci_files import CIProject, CIService, ci_file

SCHEMAS = {
    CIService.GITHUB: "vendor.github-workflows",
    CIService.GITLAB: "vendor.gitlab-ci",
    CIService.TRAVIS: "vendor.travis",
}


@pytest.mark.parametrize("directory", ["", "python/bindings"])
@pytest.mark.parametrize("service", CIService)
def test_a_file_is_as_its_schema_wants_it(service: CIService, directory: str, tmp_path: Path) -> None:
    """As check-jsonschema, which has the published schemas with it, finds."""
    file = tmp_path / "file.yml"
    file.write_text(ci_file(service, CIProject(directory=directory)))
    argv = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[service], str(file))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("-- python/bindings" in file.read_text()) is bool(directory)


@pytest.mark.parametrize("service", CIService)
def test_a_file_reads_as_a_person_would_write_it(service: CIService) -> None:
    """No expression of the template is left, nor an empty line where one was, nor a space at a line's end."""
    text = ci_file(service, CIProject())
    assert "[[" not in text
    assert "[%" not in text
    assert "\n\n\n" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_the_workflow() -> None:
    """It caches, cancels, uploads after failures too, and publishes a tag by trusted publishing; actions are pinned."""
    text = ci_file(CIService.GITHUB, CIProject())
    content = yaml.safe_load(text)
    assert content["concurrency"]["cancel-in-progress"]
    wheels, publish = content["jobs"]["wheels"], content["jobs"]["publish"]
    always = [step["uses"].partition("@")[0] for step in wheels["steps"] if "always()" in step.get("if", "")]
    assert always == ["actions/cache/save", "actions/upload-artifact", "actions/upload-artifact"]
    assert publish["permissions"] == {"id-token": "write"}
    assert set(publish["needs"]) == {"wheels", "sdist"}
    uses = [step["uses"] for job in content["jobs"].values() for step in job["steps"] if "uses" in step]
    assert all(len(each.partition("@")[2]) == 40 for each in uses)
