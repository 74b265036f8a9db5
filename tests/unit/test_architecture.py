"""The floor plan is true: the list of files, the names it mentions, and the bounds that keep rooms small."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "matrix_runner"
MODULES = tuple(sorted(PACKAGE.rglob("*.py")))

LONGEST_FILE = 300
LONGEST_FUNCTION = 60
MOST_MODULES = 16
MOST_PARAMETERS = 7


def test_the_list_of_files_is_up_to_date() -> None:
    """`make reference` would change nothing."""
    done = subprocess.run([sys.executable, ROOT / "scripts" / "floor-plan", "--check"], check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "docs/explanation/lifecycle.md"])
def test_the_places_that_a_page_names_are_there(page: str) -> None:
    """Whatever is written as `room/module` is a module, a directory, or a name beside one."""
    text = (ROOT / page).read_text("utf-8").partition("<!-- files")[0]
    named = re.findall(r"`([a-z_]+(?:/[a-z_]+)+/?)(?:\.(?:py|[A-Za-z_.]+))?`", text)
    assert named
    assert [name for name in named if not _is_there(name)] == []


def _is_there(name: str) -> bool:
    if name.split("/", maxsplit=1)[0] in {"docs", "tests", "scripts", "matrix_runner"}:
        return (ROOT / name).exists() or (ROOT / f"{name}.py").is_file()
    return (PACKAGE / f"{name}.py").is_file() or (PACKAGE / name).is_dir()


def test_no_file_is_long() -> None:
    """A module fits on a few screens."""
    assert [path.name for path in MODULES if len(path.read_text("utf-8").splitlines()) > LONGEST_FILE] == []


def test_no_folder_is_a_warehouse() -> None:
    """A room that grows beyond this has rooms in it."""
    folders = {path.parent for path in MODULES}
    assert [folder.name for folder in folders if len(list(folder.glob("*.py"))) > MOST_MODULES] == []


def test_no_function_is_long() -> None:
    """What is longer than this is several things."""
    found = [f"{path.name}:{name}" for path, name, node in _functions() if _lines(node) > LONGEST_FUNCTION]
    assert found == []


def test_no_wiring_is_wide() -> None:
    """What many have to hand on is a value of its own. Methods of commands have a parameter for each flag."""
    found = [
        f"{path.name}:{name}"
        for path, name, node in _functions()
        if _parameters(node) > MOST_PARAMETERS and not _is_command(node)
    ]
    assert found == []


def test_a_file_name_has_one_meaning() -> None:
    """No two modules have the same name, so that a name in a message leads to one file."""
    names = [path.stem for path in MODULES if not path.stem.startswith("__")]
    inside = {path.parent.name for path in MODULES}
    assert sorted({name for name in names if names.count(name) > 1}) == []
    assert {name for name in names if name in inside and name not in _NAMED_AFTER_ITS_ROOM} == set()


_NAMED_AFTER_ITS_ROOM = {
    "doctor",
    "watch",
    "matrix",
    "collect",
    "image",
    "cache",
    "loading",
    "create_args",
    "migration",
    "reference",
    "report",
    "store",
}
"""The main module of a room may have its name."""


def test_json_of_others_is_parsed_in_one_place() -> None:
    """There whatever is wrong with a document is one exception, its depth too."""
    here = [path for path in MODULES if path.parent.name != "cell_programs" and path.stem != "json_values"]
    found = re.compile(r"json\.(loads?|decode)\(|Decoder\([^)]*\)\.decode")
    assert [path.name for path in here if found.search(path.read_text("utf-8"))] == []


def test_answers_of_commands_have_an_end() -> None:
    """Whoever answers in a container may be anybody: what is kept of it, `engine.answer` keeps."""
    endless = re.compile(r"\.exec\(.*\.(extend|append|write)\)")
    assert [path.name for path in MODULES if endless.search(path.read_text("utf-8"))] == []


def _functions() -> Iterator[tuple[Path, str, ast.FunctionDef]]:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield path, node.name, node


def _lines(node: ast.FunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _parameters(node: ast.FunctionDef) -> int:
    arguments = node.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in names if name not in {"self", "cls"}])


def _is_command(node: ast.FunctionDef) -> bool:
    return any("command" in ast.unparse(decorator) for decorator in node.decorator_list)
