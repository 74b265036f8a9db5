"""All messages of errors and failures in the code, as templates, in one text: to be read as a whole.

`make reference` writes it to tests/unit/messages.txt; a test holds that to the code, so that no message changes unseen.

Messages are found where errors are made: calls of the classes of `errors`, and of those that become a message later.
Parts that are known only when the program runs stand in braces, as in the code; a name is replaced by what the function
has put into it. Words that come from a data file (causes of failures) are rows of that file.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from matrix_runner.cell.causes.cause_rules import load_rules

PACKAGE = Path(__file__).resolve().parents[2] / "matrix_runner"
ELSEWHERE = {"cell_programs"}
"""Programs that run in cells: what they say is a command's output."""

BESIDES = frozenset(
    {
        *("Refused", "Unreadable", "InvalidValue", "Mistake", "Finding", "Problem", "Failure", "UnusableImage"),
        *("UnusableLayer", "RetryCell", "ContainerLost", "MissingError", "because", "failed", "failure", "unknown"),
        *("Verdict", "Trouble", "NotJunit", "Objection"),
    }
)
"""Classes and methods whose argument becomes a message to the user, besides those of `errors`."""

TEXTS = ("message", "text", "mistakes", "problem")
HINTS = ("hint", "remedy")
_LONGEST_NAME = 60


def error_classes() -> frozenset[str]:
    """Return the names of the classes in `errors`."""
    tree = ast.parse((PACKAGE / "errors.py").read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.ClassDef)) - {"ExitCode"}


def catalogue() -> str:
    """Return the text: a heading a module, below it the messages with their hints, sorted."""
    names = error_classes() | BESIDES
    parts = []
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE)
        if room.parts[0] in ELSEWHERE or room.name == "errors.py":
            continue
        entries = sorted(set(_entries(ast.parse(path.read_text("utf-8")), names)))
        if entries:
            parts.append("\n".join((str(room.with_suffix("")), *entries)))
    causes = (
        f"  {rule.name}: {rule.cause}\n      -> {rule.remedy}".removesuffix("\n      -> ") for rule in load_rules()
    )
    return "\n\n".join((*parts, "\n".join(("cell/causes/causes.toml", *causes)))) + "\n"


def _entries(tree: ast.Module, names: frozenset[str]) -> Iterator[str]:
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for scope in (*scopes, tree):
        assigned = _assigned(scope)
        for node in _own(scope):
            if isinstance(node, ast.Call) and (name := _name(node.func)) in names:
                entry = _entry(name, node, assigned)
                if entry is not None:
                    yield entry


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function, without those of functions in it."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from _own(child)


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _assigned(scope: ast.AST) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in _own(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(value)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                found.setdefault(name, []).append(value)
            case _:
                pass
    return found


def _entry(name: str, call: ast.Call, assigned: dict[str, list[ast.expr]]) -> str | None:
    named = {each.arg: each.value for each in call.keywords if each.arg is not None}
    texts = [named[key] for key in TEXTS if key in named]
    if not texts:
        texts = [arg for arg in call.args if _says(arg, assigned)][:1]
    if not any(_says(text, assigned) for text in texts):
        return None
    hints = [named[key] for key in HINTS if key in named]
    if not hints and name == "failed" and len(call.args) > 2:
        hints = [call.args[2]]
    lines = [f"  {name}: {' | '.join(_text(text, assigned) for text in texts)}"]
    lines += [f"      -> {_text(hint, assigned)}" for hint in hints]
    return "\n".join(lines)


def _says(node: ast.expr, assigned: dict[str, list[ast.expr]]) -> bool:
    """Whether an expression has words of its own."""
    match node:
        case ast.Constant(value=str(value)):
            return " " in value
        case ast.JoinedStr():
            return True
        case ast.Name(id=name):
            return any(_says(value, {}) for value in assigned.get(name, ()))
        case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join"), args=[joined]):
            return _says(joined, assigned)
        case ast.BinOp() | ast.IfExp() | ast.Tuple() | ast.List():
            return any(_says(each, {}) for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr))
        case _:
            return False


def _text(node: ast.expr, assigned: dict[str, list[ast.expr]]) -> str:
    match node:
        case ast.Constant(value=value):
            text = str(value).replace("\n", "\\n")
        case ast.JoinedStr(values=values):
            text = "".join(_text(value, assigned) for value in values)
        case ast.FormattedValue(value=value):
            text = f"{{{_short(value)}}}"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            text = _text(left, assigned) + _text(right, assigned)
        case ast.IfExp(body=body, orelse=other):
            text = f"[{_text(body, assigned)} | {_text(other, assigned)}]"
        case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join"), args=[joined]):
            text = _text(joined, assigned)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            text = "; ".join(_text(each, assigned) for each in elements)
        case ast.Name(id=name) if any(_says(value, {}) for value in assigned.get(name, ())):
            text = " | ".join(dict.fromkeys(_text(value, {}) for value in assigned[name]))
        case _:
            text = f"{{{_short(node)}}}"
    return text


def _short(node: ast.expr) -> str:
    # Python 3.10 puts the targets of a loop in parentheses, later ones do not.
    text = re.sub(r"\bfor \(([\w, ]+)\) in\b", r"for \1 in", " ".join(ast.unparse(node).split()))
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 3]}..."


if __name__ == "__main__":
    sys.stdout.write(catalogue())
