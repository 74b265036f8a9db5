"""Which commands get a current bundle of certificates, and which uv is too old to be trusted with them."""

import json
import re
from pathlib import Path

import pytest
from fake_run import FakeRun, what
from msgspec.structs import replace
from packaging.requirements import Requirement
from planning import engine_with, job_for, recipe_for, settings_with
from runner_process import REPOSITORY

from matrix_runner import catalog
from matrix_runner.config.options.build_options import BEFORE_ALL, ENVIRONMENT
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.config.options.test_options import TEST_COMMAND
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeResult
from matrix_runner.model.events import Notice
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.certificates import FIRST_UV, old_uv

CATALOG = catalog.load()
BUNDLE = "/etc/matrix-runner/ca-bundle.pem"
NEW = "cp311-manylinux_x86_64"
Values = dict[Option[object], object]


def recipe(identifier: str, values: Values | None = None, pip: str = "26.3") -> CellRecipe:
    """Return the recipe of a cell with `before-all` and tests, whose interpreter has that pip."""
    values = {BEFORE_ALL: "pip install x", TEST_COMMAND: "t", **(values or {})}
    made = recipe_for(job_for(identifier, CATALOG, settings_with(values)))
    interpreter = replace(made.tools.interpreter, pip=pip)
    return replace(made, tools=replace(made.tools, interpreter=interpreter))


def told(made: CellRecipe) -> tuple[set[str | None], set[str | None]]:
    """Return the values of PIP_CERT in `before-all` and in the cell's own steps."""
    own = (*made.build(), made.repair("w.whl"), *made.test("w.whl"))
    shared = {dict(step.request.env).get("PIP_CERT") for step in made.before_all()}
    return shared, {dict(step.request.env).get("PIP_CERT") for step in own}


@pytest.mark.parametrize(
    ("identifier", "pip", "expected"),
    [
        (NEW, "26.3", None),
        (NEW, "", None),
        (NEW, "24.2", None),
        (NEW, "24.1.2", BUNDLE),
        ("cp310-musllinux_x86_64", "26.3", None),
        ("cp39-manylinux_x86_64", "26.0.1", BUNDLE),
        ("cp38-manylinux_i686", "25.0", BUNDLE),
        ("cp27mu-manylinux_x86_64", "20.3.4", BUNDLE),
        ("pp310-manylinux_x86_64", "26.3", None),
        ("gp312_250-manylinux_x86_64", "26.3", BUNDLE),
    ],
)
def test_pips_without_a_truststore_get_the_bundle(identifier: str, pip: str, expected: str | None) -> None:
    """In every step of such a cell, and in `before-all`, which may start any Python's; and nobody else."""
    assert told(recipe(identifier, pip=pip)) == ({BUNDLE}, {expected})


@pytest.mark.parametrize(
    "values",
    [
        {CONTAINER_ENGINE: engine_with("--env=PIP_CERT=/own.pem")},
        {CONTAINER_ENGINE: engine_with("--env=REQUESTS_CA_BUNDLE=/own.pem")},
        {ENVIRONMENT: (("CURL_CA_BUNDLE", "/own.pem"),)},
    ],
)
def test_certificates_of_the_user_prevail(values: Values) -> None:
    """PIP_CERT itself, and those variables that pip follows where it is not set."""
    assert told(recipe("cp39-manylinux_x86_64", values)) == ({None}, {None})


@pytest.mark.parametrize(
    ("variables", "files"),
    [(("PIP_CERT",), ()), (("REQUESTS_CA_BUNDLE",), ()), ((), (("/etc/pip.conf", "cert"),))],
)
def test_certificates_of_the_image_prevail(variables: tuple[str, ...], files: tuple[tuple[str, str], ...]) -> None:
    """By a variable of its own, or in a configuration file of pip, which a variable would overrule."""
    made = recipe("cp39-manylinux_x86_64")
    facts = replace(made.tools.facts, pip_variables=variables, pip_files=files)
    assert told(replace(made, tools=replace(made.tools, facts=facts))) == ({None}, {None})


def test_on_this_machine_itself_nothing_is_told() -> None:
    """The bundle is in containers only."""
    made = recipe("cp39-manylinux_x86_64")
    assert told(replace(made, job=replace(made.job, image=None))) == ({None}, {None})


def test_our_bundle_is_no_word_to_pip() -> None:
    """It does not make the choice of the frontend fall on pip."""
    assert recipe("cp39-manylinux_x86_64").tools.builds_with_uv


def test_an_old_uv_is_spoken_of_once_an_image(tmp_path: Path) -> None:
    """By the run, with the image's name, however many cells use it."""

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) != "probe":
            return None
        output = fake_run.usual(call).output
        return FakeResult(output=tuple(part.replace(b"\tuv 1.0\n", b"\tuv 0.9.1 (x)\n") for part in output))

    cells = ("cp311-manylinux_x86_64", "cp312-manylinux_x86_64")
    fake_run = FakeRun(directory=tmp_path, identifiers=cells, settings=settings_with(), override=override)
    fake_run.run()
    texts = [one.text for one in fake_run.recorder.events if isinstance(one, Notice) and one.is_warning]
    assert len([text for text in texts if "uv 0.9.1 of" in text]) == 1


@pytest.mark.parametrize(
    ("version", "is_old"),
    [
        (None, False),
        ("", False),
        ("something else", False),
        ("uv 0.13.4", False),
        ("uv 0.13.10 (abc 2026-11-01)", False),
        ("uv 1.0.0", False),
        ("uv 0.13.3 (abc 2026-09-01)", True),
        ("uv 0.9.30", True),
    ],
)
def test_an_old_uv_is_spoken_of(version: str | None, *, is_old: bool) -> None:
    """With its version, the place and the remedy; an unknown version is no old one."""
    text = old_uv(version, "image demo")
    assert (text is not None) is is_old
    assert text is None or ("image demo" in text and "0.13.4" in text)


def test_the_extra_for_this_machine_brings_none_that_is_too_old() -> None:
    """`matrix-runner[local]` installs a uv that is not spoken of, and the auditwheel whose policies are ours."""
    text = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    (words,) = re.findall(r"^local = (\[.*\])$", text, re.MULTILINE)
    bounds = {one.name: one.specifier for one in map(Requirement, json.loads(words))}
    assert not bounds["uv"].contains("0.13.3")
    assert bounds["uv"].contains(".".join(map(str, FIRST_UV)))
    assert not bounds["auditwheel"].contains("6.8.1")
