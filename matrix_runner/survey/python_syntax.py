"""Python files as syntax trees: what a survey learns of them without running them."""

import ast
from collections.abc import Iterator
from typing import Final

_FACTS: Final = {
    "sys.platform": "linux",
    "os.name": "posix",
    "platform.system()": "Linux",
    "platform.python_implementation()": "CPython",
}
"""The values in a cell of what build scripts ask to tell systems apart."""


def parsed(text: str) -> ast.Module:
    """Return the syntax tree of a file; an empty one if it is not Python as this Python knows it."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def statements_on_linux(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the statements that can be reached on Linux, from the outside: branches for other systems are left out."""
    known: dict[str, bool] = {}
    yield from _reached(tree.body, known)


def _reached(body: list[ast.stmt], known: dict[str, bool]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.If):
            holds = _holds(statement.test, known)
            if holds is not False:
                yield from _reached(statement.body, known)
            if holds is not True:
                yield from _reached(statement.orelse, known)
            continue
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            value = _holds(statement.value, known)
            known.pop(statement.targets[0].id, None)
            if value is not None:
                known[statement.targets[0].id] = value
        for name in ("body", "orelse", "finalbody"):
            yield from _reached(getattr(statement, name, []), known)
        for handler in getattr(statement, "handlers", []):
            yield from _reached(handler.body, known)


def own_expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """Yield the expressions of a statement itself, not those of the statements in it."""
    todo: list[ast.AST] = [child for child in ast.iter_child_nodes(statement) if not _is_block(child)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.expr):
            yield node
        todo.extend(child for child in ast.iter_child_nodes(node) if not _is_block(child))


def _is_block(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt | ast.ExceptHandler)


def _holds(test: ast.expr, known: dict[str, bool]) -> bool | None:
    """Whether a condition holds on Linux; None if that depends on something else."""
    answer: bool | None = None
    match test:
        case ast.Constant(value=value):
            answer = bool(value)
        case ast.Name(id=name):
            answer = known.get(name)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _holds(operand, known)
            answer = None if inner is None else not inner
        case ast.BoolOp(op=operator, values=values):
            answer = _joined([_holds(value, known) for value in values], is_and=isinstance(operator, ast.And))
        case ast.Compare(left=left, ops=[compared], comparators=[right]):
            answer = _compared(left, compared, right)
        case ast.Call(func=ast.Attribute(value=asked, attr="startswith"), args=[argument]):
            fact, prefixes = _FACTS.get(ast.unparse(asked)), _strings(argument)
            answer = None if fact is None or not prefixes else fact.startswith(prefixes)
        case _:
            pass
    return answer


def _joined(values: list[bool | None], *, is_and: bool) -> bool | None:
    decisive = not is_and
    if decisive in values:
        return decisive
    return None if None in values else is_and


def _compared(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool | None:
    fact, words = _FACTS.get(ast.unparse(left)), _strings(right)
    if fact is None or not words:
        fact, words = _FACTS.get(ast.unparse(right)), _strings(left)
        if fact is None or not words:
            return None
        # `"win" in sys.platform`
        return {ast.In: words[0] in fact, ast.NotIn: words[0] not in fact, ast.Eq: words[0] == fact}.get(type(operator))
    answers = {
        ast.Eq: fact == words[0],
        ast.NotEq: fact != words[0],
        ast.In: fact in words,
        ast.NotIn: fact not in words,
    }
    return answers.get(type(operator))


def _strings(node: ast.expr) -> tuple[str, ...]:
    nodes = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return tuple(each.value for each in nodes if isinstance(each, ast.Constant) and isinstance(each.value, str))


def strings_in(node: ast.AST) -> Iterator[str]:
    """Yield all string constants in an expression."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def functions_with_main(text: str) -> Iterator[str]:
    """Yield the functions that are tests to pytest, and start unittest's own command line."""
    if "unittest.main(" in text and "def test" in text:
        for statement in parsed(text).body:
            if isinstance(statement, ast.FunctionDef) and statement.name.startswith("test"):
                calls = (each.func for each in ast.walk(statement) if isinstance(each, ast.Call))
                if any(ast.unparse(each) == "unittest.main" for each in calls):
                    yield statement.name
