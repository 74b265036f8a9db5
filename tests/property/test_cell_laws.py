"""Laws of what goes into a cell and what is read out of it, on generated input."""

import os
import shlex
import subprocess
import tarfile
import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from planning import job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.kinds.placeholders import fill
from matrix_runner.config.options.build_options import BEFORE_BUILD, ENVIRONMENT
from matrix_runner.config.options.test_options import TEST_COMMAND, TEST_REQUIRES
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import StepKind
from matrix_runner.project.source_archive import pack
from matrix_runner.project.source_files import SourceSelection
from matrix_runner.recipe.image_facts import parse_probe
from matrix_runner.recipe.probing.image_problems import find_problem

CATALOG = catalog.load()
CELL = Cell.parse("cp311-manylinux_x86_64")
NAMES = st.binary(min_size=1, max_size=30).filter(
    lambda name: not {0, ord("/")} & set(name) and name not in (b".", b"..")
)


@settings(max_examples=40)
@given(st.dictionaries(NAMES, st.tuples(st.binary(max_size=600), st.booleans()), min_size=1, max_size=6))
@example({b"-C": (b"x", False), b"a\nb": (b"", True), b"\xff": (b"y" * 512, False)})
def test_any_file_arrives_as_it_is(files: dict[bytes, tuple[bytes, bool]]) -> None:
    """Whatever bytes a name has and whatever a file holds: both come out of the archive unchanged, twice alike."""
    with tempfile.TemporaryDirectory() as place:
        project, archives = Path(place) / "p", [Path(place) / "1.tar", Path(place) / "2.tar"]
        # Below a directory whose name no ignore rule knows, and prefixed, so that no rule knows the names either.
        (project / "sources").mkdir(parents=True)
        for name, (content, is_executable) in files.items():
            path = project / "sources" / os.fsdecode(b"x" + name + b"x")
            path.write_bytes(content)
            path.chmod(0o755 if is_executable else 0o640)
        results = [pack(SourceSelection(project=project, environ={}), archive) for archive in archives]
        with tarfile.open(archives[0], encoding="utf-8", errors="surrogateescape") as tar:
            found = {
                os.fsencode(member.name): (data.read(), member.mode)
                for member in tar
                if (data := tar.extractfile(member)) is not None
            }
        expected = {b"sources/x" + n + b"x": (c, 0o755 if e else 0o644) for n, (c, e) in files.items()}
        assert found == expected
        assert archives[0].read_bytes() == archives[1].read_bytes()
        assert results[0].files == len(files)


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["interpreter", "tool", "elf", "\t", "\n", "7f454c46", "zz"])).map("".join)
)
def test_no_output_breaks_the_reader(output: str) -> None:
    """Whatever an image prints when it is probed, it is read, and a cell is refused with a sentence or accepted."""
    facts = parse_probe(output)
    problem = find_problem(CELL, ("cp311-cp311",), facts, "image x")
    assert problem is not None
    assert problem.message
    assert problem.hint


@settings(max_examples=30)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20),
        min_size=1,
        max_size=4,
    )
)
@example(["$(touch evil)", "`id`", '"', "\\", "'", "a b", "$HOME", "\n"])
def test_literal_values_of_variables_reach_commands_unchanged(values: list[str]) -> None:
    """A value that the configuration has escaped is the same text for the command, by way of a real shell."""

    def escaped(value: str) -> str:
        return "".join(f"\\{char}" if char in '$`"\\' else char for char in value)

    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "project").mkdir()
        variables = tuple((f"V{number}", escaped(value)) for number, value in enumerate(values))
        shown = " ".join(f'"$V{number}"' for number in range(len(values)))
        job = job_for(
            str(CELL), CATALOG, settings_with({ENVIRONMENT: variables, BEFORE_BUILD: f"printf '%s\\0' {shown}"})
        )
        output = b""
        for step in recipe_for(job, root=place).build():
            if step.kind in {StepKind.ENVIRONMENT, StepKind.BEFORE_BUILD}:
                output = subprocess.run(
                    step.request.argv,
                    check=True,
                    env=dict(step.request.env),
                    cwd=step.request.cwd,
                    stdout=subprocess.PIPE,
                ).stdout
        assert output == b"".join(value.encode() + b"\0" for value in values)
        assert sorted(path.name for path in Path(place).iterdir()) == ["matrix", "project"]


@given(st.text(max_size=60))
def test_a_command_without_placeholders_is_run_as_it_was_written(command: str) -> None:
    """Nothing but placeholders is changed in a command of the user's."""
    if fill(command, {}) != command or any(f"{{{name}}}" in command for name in ("project", "package", "wheel")):
        return
    job = job_for(str(CELL), CATALOG, settings_with({TEST_COMMAND: command or "x"}))
    steps = list(recipe_for(job).test("w.whl"))
    assert steps[-1].request.argv == ("sh", "-c", command or "x")


@given(
    requirements=st.lists(st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=10), max_size=4),
    has_uv=st.booleans(),
)
def test_requirements_reach_the_installer_as_words(*, requirements: list[str], has_uv: bool) -> None:
    """What is to be installed is quoted for the shell: no requirement can become a command."""
    job = job_for(str(CELL), CATALOG, settings_with({TEST_COMMAND: "t", TEST_REQUIRES: tuple(requirements)}))
    tools = ("auditwheel", "patchelf", *(("uv",) if has_uv else ()))
    install, *_ = (s for s in recipe_for(job, tools=tools).test("w.whl") if s.kind is StepKind.INSTALL)
    words = shlex.split(install.request.argv[-1])
    assert words[words.index("/matrix/repaired/w.whl") + 1 :] == requirements
