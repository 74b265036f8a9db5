"""The files for CI systems: as their published schemas want them, and with what a release needs."""

import shlex
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import bracex
import pytest
import yaml
from msgspec.structs import replace

from matrix_runner.proposal.ci_files import CIProject, CIService, ci_file, shards_for
from matrix_runner.survey.compiled_code import CompiledCode, Language

SCHEMAS = {
    CIService.GITHUB: "vendor.github-workflows",
    CIService.GITLAB: "vendor.gitlab-ci",
    CIService.TRAVIS: "vendor.travis",
}


@pytest.mark.parametrize(("directory", "shards"), [("", 0), ("python/bindings", 0), ("python/bindings", 6)])
@pytest.mark.parametrize("service", CIService)
def test_a_file_is_as_its_schema_wants_it(service: CIService, directory: str, shards: int, tmp_path: Path) -> None:
    """As check-jsonschema, which has the published schemas with it, finds."""
    file = tmp_path / "file.yml"
    file.write_text(ci_file(service, CIProject(directory=directory, shards=shards)))
    argv = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[service], str(file))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("-- python/bindings" in file.read_text()) is bool(directory)


@pytest.mark.parametrize("service", CIService)
def test_a_directory_is_one_word(service: CIService) -> None:
    """Whatever its name is."""
    text = ci_file(service, CIProject(directory="my package"))
    assert yaml.safe_load(text)
    commands = [line.partition("runner build ")[2] for line in text.splitlines() if "runner build " in line]
    assert [shlex.split(command)[-2:] for command in commands if "--" in command] == [["--", "my package"]] * len(
        commands
    )


@pytest.mark.parametrize("shards", [0, 6])
@pytest.mark.parametrize("service", CIService)
def test_a_file_reads_as_a_person_would_write_it(service: CIService, shards: int) -> None:
    """No expression of the template is left, nor an empty line where one was, nor a space at a line's end."""
    text = ci_file(service, CIProject(shards=shards))
    assert "[[" not in text
    assert "[%" not in text
    assert "\n\n\n" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("shards", [0, 6])
def test_the_workflow(shards: int) -> None:
    """It caches, cancels, uploads after failures too, and publishes a tag by trusted publishing; actions are pinned."""
    text = ci_file(CIService.GITHUB, CIProject(shards=shards))
    content = yaml.safe_load(text)
    assert content["concurrency"]["cancel-in-progress"]
    wheels, publish = content["jobs"]["wheels"], content["jobs"]["publish"]
    always = [step["uses"].partition("@")[0] for step in wheels["steps"] if "always()" in step.get("if", "")]
    assert always == ["actions/cache/save", "actions/upload-artifact", "actions/upload-artifact"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["needs"] == "collect"
    assert set(content["jobs"]["collect"]["needs"]) == {"wheels", "sdist"}
    uses = [step["uses"] for job in content["jobs"].values() for step in job["steps"] if "uses" in step]
    assert all(len(each.partition("@")[2]) == 40 for each in uses)


@pytest.mark.parametrize("shards", [0, 6])
def test_a_job_that_runs_again_replaces_what_it_has_left(shards: int) -> None:
    """And the one that collects does not take its own output, of an attempt before, for that of another job."""
    jobs = yaml.safe_load(ci_file(CIService.GITHUB, CIProject(shards=shards)))["jobs"]

    def uploads(job: str) -> list[dict[str, object]]:
        return [step["with"] for step in jobs[job]["steps"] if "upload-artifact" in step.get("uses", "")]

    assert all(each["overwrite"] for job in jobs for each in uploads(job))
    download = next(step["with"] for step in jobs["collect"]["steps"] if "download-artifact" in step.get("uses", ""))

    def is_taken(each: dict[str, object]) -> bool:
        return any(fnmatchcase(str(each["name"]), pattern) for pattern in bracex.expand(download["pattern"]))

    assert all(is_taken(each) for job in ("wheels", "sdist") for each in uploads(job))
    assert not any(map(is_taken, uploads("collect")))


@pytest.mark.parametrize("shards", [0, 6])
@pytest.mark.parametrize("service", CIService)
def test_only_what_was_collected_is_published(service: CIService, shards: int) -> None:
    """The upload comes after the check, and of its output alone."""
    text = ci_file(service, CIProject(shards=shards))
    check = text.index("runner collect ")
    assert "--check" in text[check:].partition("\n")[0]
    upload = text.index("gh-action-pypi-publish" if service is CIService.GITHUB else "twine upload")
    assert check < upload
    if service is not CIService.GITHUB:
        assert text[upload:].partition("\n")[0].endswith(" wheelhouse/*")


def test_shards_are_for_what_takes_long_to_compile() -> None:
    """Of C, a job for each machine; of Rust, nine cells a job, if there are many."""
    code = CompiledCode(evidence="x", languages=(Language.C,), says_free_threaded=False, stable_abi="")
    assert shards_for(code, 54) == 0
    slow = replace(code, languages=(Language.C, Language.RUST))
    assert [shards_for(slow, cells) for cells in (18, 19, 54)] == [0, 3, 6]
