"""`runner explain` and `runner plan`: the answers, each with where it came from, as text and as JSON."""

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import TypedDict, cast

import click
import pytest
from click.testing import CliRunner, Result
from runner_process import NO_ENGINE, runner_argv, runner_environ

from matrix_runner.cli import cli
from matrix_runner.config.options.option import Source
from matrix_runner.errors import UsageError
from matrix_runner.report.text_wrapping import wrapped

PROJECT = """\
[project]
name = "demo"
version = "1"
requires-python = ">=3.9"

[tool.matrix-runner]
build = "cp3*"
skip = ["cp38-*", "*-musllinux_i686"]
test-requires = ["pytest"]
environment = { CFLAGS = "-O2" }

[tool.matrix-runner.linux]
before-all = '''
yum install -y lz4-devel
make -C "third party"
'''

[[tool.matrix-runner.overrides]]
select = "*-musllinux_*"
inherit.test-requires = "append"
before-all = "apk add lz4-dev"
test-requires = ["hypothesis"]
"""


class Value(TypedDict):
    """An option in the JSON document."""

    value: object
    origin: str
    source: str


class Answer(TypedDict):
    """An answer in the JSON document."""

    topic: str
    is_in: bool
    reason: str


class Document(TypedDict):
    """What `runner explain --json` prints."""

    version: int
    identifier: str
    is_in: bool
    image: str | None
    answers: list[Answer]
    options: dict[str, Value]


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    return tmp_path


def run(*arguments: str | Path, **variables: str) -> Result:
    """Run a command within this process, without settings of the caller's environment."""
    own = {name: None for name in os.environ if name.startswith(("MATRIX_RUNNER_", "CIBW_", "DOCKER_"))}
    return CliRunner().invoke(cli, list(map(str, arguments)), env={**own, **NO_ENGINE, "NO_COLOR": "1", **variables})


def explained(project: Path, identifier: str, *flags: str, **variables: str) -> Document:
    """Return what `runner explain --json` says of a cell."""
    result = run("explain", identifier, project, "--json", *flags, **variables)
    assert result.exit_code == 0, result.exception
    return cast("Document", json.loads(result.stdout))


def verdicts(document: Document) -> dict[str, bool]:
    """Return each question with whether the cell may be in."""
    return {answer["topic"]: answer["is_in"] for answer in document["answers"]}


def test_the_text_of_a_cell(project: Path) -> None:
    """Verdict, an answer to each question, what is set with its place, and the defaults: in whole lines for a pipe."""
    lines = run("explain", "cp312-manylinux_x86_64", project, "--archs", "x86_64").stdout.splitlines()
    assert lines[:7] == [
        "cp312-manylinux_x86_64 is built",
        "  ✓ archs = x86_64 (--archs) includes it",
        "  ✓ build = cp3* (pyproject.toml:7: tool.matrix-runner.build) matches it",
        "  ✓ skip = cp38-* *-musllinux_i686 (pyproject.toml:8: tool.matrix-runner.skip) does not match it",
        "  ✓ its interpreter needs no group",
        "  ✓ requires-python = >=3.9 (pyproject.toml:4: project.requires-python) includes it",
        "  ✓ quay.io/pypa/manylinux_2_28_x86_64 (manylinux-x86_64-image: default)",
    ]
    assert lines[7].startswith("  rights: root with capabilities: AUDIT_WRITE CHOWN ")
    assert lines[8:12] == ["", "Cache", "  it is built: no run of this project has kept it", ""]
    options, _, defaults = "\n".join(lines[12:]).partition("\n\nDefaults\n")
    assert options.splitlines() == [
        "Options",
        '  build = ["cp3*"]',
        "      pyproject.toml:7: tool.matrix-runner.build",
        '  skip = ["cp38-*", "*-musllinux_i686"]',
        "      pyproject.toml:8: tool.matrix-runner.skip",
        '  archs = ["x86_64"]',
        "      --archs",
        "  before-all =",
        "    | yum install -y lz4-devel",
        '    | make -C "third party"',
        "      pyproject.toml:13: tool.matrix-runner.linux.before-all",
        "  environment = 'CFLAGS=\"-O2\"'",
        "      pyproject.toml:10: tool.matrix-runner.environment",
        '  test-requires = ["pytest"]',
        "      pyproject.toml:9: tool.matrix-runner.test-requires",
    ]
    assert '  manylinux-x86_64-image = "manylinux_2_28"' in defaults.splitlines()
    assert "musllinux-" not in defaults
    assert defaults.splitlines()[-1].startswith("  empty: ")
    assert "before-build" in defaults.splitlines()[-1]


def test_overrides_and_what_adds_to_lower_layers_are_named(project: Path) -> None:
    """An override has its number and line; what was joined names both places, lower first."""
    options = explained(project, "cp312-musllinux_x86_64")["options"]
    assert options["before-all"] == {
        "value": "apk add lz4-dev",
        "origin": "pyproject.toml:21: tool.matrix-runner.overrides[0].before-all",
        "source": "override",
    }
    assert options["test-requires"]["value"] == ["pytest", "hypothesis"]
    assert options["test-requires"]["origin"] == (
        "pyproject.toml:9: tool.matrix-runner.test-requires"
        " and pyproject.toml:22: tool.matrix-runner.overrides[0].test-requires"
    )
    assert {name for name in options if name.endswith("linux-x86_64-image")} == {"musllinux-x86_64-image"}


def test_variables_flags_and_defaults_are_named(project: Path) -> None:
    """A variable by its name, a flag by its own, a default as such; the higher wins."""
    options = explained(
        project, "cp312-manylinux_x86_64", "--skip", "cp39-*", MATRIX_RUNNER_TEST_COMMAND="x", MATRIX_RUNNER_SKIP="y*"
    )["options"]
    assert options["test-command"] == {"value": "x", "origin": "MATRIX_RUNNER_TEST_COMMAND", "source": "environment"}
    assert options["skip"] == {"value": ["cp39-*"], "origin": "--skip", "source": "flag"}
    assert options["build-verbosity"] == {"value": 0, "origin": "default", "source": "default"}


@pytest.mark.parametrize(
    ("identifier", "flags", "decides"),
    [
        ("cp312-manylinux_s390x", ("--archs", "x86_64"), "archs"),
        ("pp311-manylinux_x86_64", ("--enable", "pypy"), "build"),
        ("cp312-musllinux_i686", ("--archs", "i686"), "skip"),
        ("pp311-manylinux_x86_64", ("--only", "pp*"), "enable"),
        ("cp312-manylinux_x86_64", ("--engine", "local", "--archs", "all"), None),
    ],
)
def test_the_question_that_decides_is_the_one_that_plan_names(
    project: Path, identifier: str, flags: tuple[str, ...], decides: str | None
) -> None:
    """The first answer that says no is the reason that the plan gives; without one the cell is in the plan."""
    document = explained(project, identifier, *flags)
    refused = [answer for answer in document["answers"] if not answer["is_in"]]
    if decides is not None:
        assert refused[0]["topic"] == decides
        assert document["is_in"] is False
    plan = run("plan", project, "--json", "--allow-empty", *flags)
    left_out = {one["identifier"]: one["reason"] for one in json.loads(plan.stdout)["left_out"]}
    assert left_out.get(identifier) == (refused[0]["reason"] if refused else None)


def test_the_local_engine_is_a_question_of_its_own(project: Path) -> None:
    """Without containers the machine's own platform is the only one, and no image is named."""
    document = explained(project, "cp312-manylinux_s390x", "--archs", "all", "--engine", "local")
    assert document["answers"][-1]["topic"] == "container-engine"
    assert document["answers"][-1]["reason"].startswith("container-engine = local: this machine runs ")
    assert (document["image"], document["is_in"]) == (None, False)


def test_one_cell_that_the_command_line_names_is_wanted(project: Path) -> None:
    """`--only` with an identifier is stronger than archs, skip and enable of the file, but not than requires-python."""
    for identifier, topic in (
        ("cp312-musllinux_i686", "skip"),
        ("pp311-manylinux_x86_64", "enable"),
        ("cp312-manylinux_s390x", "archs"),
    ):
        document = explained(project, identifier, "--only", identifier)
        assert document["is_in"], document["answers"]
        assert {"topic": topic, "is_in": True, "reason": "--only names it"} in document["answers"]
    for identifier, flags, topic in (
        ("cp38-manylinux_x86_64", (), "requires-python"),
        ("cp312-musllinux_i686", ("--skip", "*i686"), "skip"),
        ("cp312-manylinux_s390x", ("--archs", "x86_64"), "archs"),
    ):
        document = explained(project, identifier, "--only", identifier, *flags)
        assert not verdicts(document)[topic]
    assert not explained(project, "cp312-musllinux_i686", "--only", "cp312-musllinux_i*")["is_in"]


@pytest.mark.parametrize(
    ("identifier", "nearest"),
    [
        ("cp312-manylinux_x86-64", "cp312-manylinux_x86_64"),
        ("cp312-muslinux_i686", "cp312-musllinux_i686"),
        ("cp312", "cp312-manylinux_x86_64"),
        ("3.12", "cp312-manylinux_x86_64"),
    ],
)
def test_an_unknown_identifier_has_a_nearest(project: Path, identifier: str, nearest: str) -> None:
    """What is no identifier is a mistake that names the likeliest."""
    error = run("explain", identifier, project).exception
    assert isinstance(error, UsageError)
    assert identifier in error.message
    assert nearest in str(error.hint)


def test_what_is_no_cell_of_ours_is_told(project: Path) -> None:
    """Another system's identifier, and arguments in the wrong order, have answers of their own."""
    other = run("explain", "cp312-win_amd64", project).exception
    assert isinstance(other, UsageError)
    assert "Linux wheels only" in other.message
    swapped = run("explain", project, "cp312-manylinux_x86_64").exception
    assert isinstance(swapped, UsageError)
    assert swapped.hint == f"try `runner explain cp312-manylinux_x86_64 {project}`"


def test_lines_fit_the_terminal(project: Path) -> None:
    """At a terminal all lines fit, further ones are indented; nothing is lost."""
    mine, theirs = pty.openpty()
    argv = runner_argv("explain", "cp312-musllinux_x86_64", project)
    done = subprocess.Popen(
        argv,
        stdout=theirs,
        stderr=theirs,
        env=runner_environ(**NO_ENGINE, COLUMNS="60", TERM="xterm", MATRIX_RUNNER_NO_CACHE=""),
    )
    os.close(theirs)
    text = b""
    try:
        while chunk := os.read(mine, 65536):
            text += chunk
    except OSError:
        # How a terminal says that nobody writes any more.
        pass
    finally:
        os.close(mine)
    assert done.wait() == 0
    lines = click.unstyle(text.decode()).replace("\r", "").splitlines()
    assert max(map(len, lines)) <= 60
    whole = run("explain", "cp312-musllinux_x86_64", project).stdout
    assert " ".join("\n".join(lines).split()) == " ".join(whole.split())


def test_wrapping() -> None:
    """Words stay whole, further lines have their own indent, and without a width there is one line."""
    assert wrapped("aaa bbb-ccc " * 4, 40, "  ", "    ") == [
        "  aaa bbb-ccc aaa bbb-ccc aaa bbb-ccc",
        "    aaa bbb-ccc",
    ]
    assert wrapped("a b", None, "  ", "    ") == ["  a b"]
    assert wrapped("x" * 90, 60, "  ") == [f"  {'x' * 90}"]


def test_many_cells_are_left_out_in_few_lines(project: Path) -> None:
    """Of more than a few, the interpreters are named once for the platforms that have them in common."""
    lines = run("plan", project, "--archs", "x86_64,i686", "--only", "cp312-manylinux_x86_64").stdout.splitlines()
    assert lines[:2] == ["1 to build:", "  cp312-manylinux_x86_64  quay.io/pypa/manylinux_2_28_x86_64"]
    start = lines.index("  archs = x86_64 i686 (--archs) does not include it")
    assert lines[start + 1].startswith("    manylinux_aarch64: ")
    assert lines[start + 2].startswith("    manylinux_ppc64le manylinux_s390x: ")
    assert " cp312 cp313 " in lines[start + 2]
    assert len(lines) < 30


def test_the_page_on_plans_names_every_key(project: Path) -> None:
    """The documents have the keys that the page on plans describes, and it names every topic and source."""
    page = (Path(__file__).parents[3] / "docs/reference/plan.md").read_text("utf-8")
    plan = json.loads(run("plan", project, "--json").stdout)
    document = explained(project, "cp312-manylinux_x86_64")
    named = {*plan, *plan["jobs"][0], *plan["left_out"][0], *document, *document["answers"][0]}
    named |= {*document["options"]["skip"], *verdicts(document), *(source.value for source in Source)}
    assert [name for name in sorted(named) if f"`{name}`" not in page] == []
