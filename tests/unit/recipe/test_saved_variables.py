"""A cell's variables from step to step: only the project's own, whatever is in them, by every shell there is."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planning import job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.options.build_options import BEFORE_ALL, BEFORE_BUILD, ENVIRONMENT
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.test_options import BEFORE_TEST, TEST_COMMAND, TEST_ENVIRONMENT
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.saved_variables import removal, saving_script
from matrix_runner.recipe.step import Step

SHELLS = tuple(
    (place, *words)
    for name, *words in (("sh",), ("dash",), ("bash", "--posix"), ("bash",), ("busybox", "sh"))
    if (place := shutil.which(name)) is not None
)
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.text(
    st.sampled_from("'\"\\$`\n \t*%"), max_size=12
)


def restored(shell: tuple[str, ...], file: Path) -> dict[str, str]:
    """Return what a shell has in its environment that had nothing, once it has read the file."""
    argv = (*shell, "-c", '. "$0"; exec /usr/bin/env -0', str(file))
    done = subprocess.run(argv, env={}, check=True, capture_output=True)
    return dict(pair.split("=", 1) for pair in done.stdout.decode().split("\0") if pair)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@given(first=VALUES, second=VALUES)
def test_values_survive(
    tmp_path_factory: pytest.TempPathFactory, shell: tuple[str, ...], first: str, second: str
) -> None:
    """Quotes, line ends, also last ones, backslashes and what else there is; and nothing but the names asked for."""
    file = tmp_path_factory.mktemp("saved") / "matrix/variables.sh"
    environ = {"PATH": os.environ["PATH"], "FIRST": first, "SECOND": second, "OTHER": "other"}
    subprocess.run((*shell, "-ec", saving_script(("FIRST", "SECOND"), str(file))), env=environ, check=True)
    found = restored(shell, file)
    assert {name: found.get(name) for name in environ if name != "PATH"} == {
        "FIRST": first,
        "SECOND": second,
        "OTHER": None,
    }
    assert "OTHER" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def perform(step: Step, **more: str) -> str:
    """Let a real shell do a step; return what it printed."""
    env = dict(step.request.env) | more
    return subprocess.run(
        step.request.argv, check=True, cwd=step.request.cwd, env=env, stdout=subprocess.PIPE, text=True
    ).stdout


def only(steps: tuple[Step, ...], kind: StepKind) -> Step:
    """Return the one step of a kind."""
    (found,) = (step for step in steps if step.kind is kind)
    return found


def test_variables_of_the_host_are_in_no_file(tmp_path: Path) -> None:
    """Each command is given them anew; the files hold what the project sets, the test's what it sets besides."""
    for name in ("project", "matrix/test"):
        (tmp_path / name).mkdir(parents=True)
    show = 'printf "[%s]" "$PASSED" "$OWN" "$MORE" "${PATH%%:*}"'
    values: dict[Option[object], object] = {
        ENVIRONMENT: (("OWN", "own and $PASSED"), ("PATH", "/nowhere:$PATH")),
        TEST_ENVIRONMENT: (("MORE", "more and $OWN"),),
        BEFORE_ALL: show,
        BEFORE_BUILD: show,
        BEFORE_TEST: show,
        TEST_COMMAND: "t",
    }
    job = job_for("cp311-manylinux_x86_64", catalog.load(), settings_with(values))
    recipe = recipe_for(job, root=str(tmp_path), passed=(("PASSED", "from the host"), ("SECRET", "s3cr3t")))
    building, testing = tuple(recipe.build()), tuple(recipe.test("w.whl"))
    perform(only(building, StepKind.ENVIRONMENT))
    perform(only(testing, StepKind.ENVIRONMENT))
    assert (tmp_path / "matrix/environment.sh").read_text().count("export ") == 2
    assert (tmp_path / "matrix/test-environment.sh").read_text().count("export ") == 3
    bin_ = f"{tmp_path}/opt/python/cp311-cp311/bin"
    assert perform(only(building, StepKind.BEFORE_BUILD)) == f"[from the host][own and from the host][][{bin_}]"
    said = perform(only(testing, StepKind.BEFORE_TEST), PASSED="anew")
    assert said.startswith("[anew][own and from the host][more and own and from the host][")
    for file in (tmp_path / "matrix").glob("*.sh"):
        assert "s3cr3t" not in file.read_text()
    gone = removal(recipe.tools.layout)
    for _ in range(2):
        subprocess.run(gone.argv, check=True)
        assert list((tmp_path / "matrix").glob("*.sh")) == []
