"""Placeholders in commands: what is one, what is not, and what it becomes."""

import pytest

from matrix_runner.config.kinds.placeholders import check, fill
from matrix_runner.config.mistakes import InvalidValue

UNTOUCHED = (
    "${project}", "%{project}", "@{project}", "{}", "{ project; }", "{project,wheel}", "{a,b}", "{1..3}", "{0}",
    "awk '{print $1}'", "find . -exec rm {} +", "{project-x}", "{project", "project}",
)  # fmt: skip


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_is_no_placeholder_passes(text: str) -> None:
    """Braces that mean something to a shell, a printf format or another language are left alone."""
    check(text, ("wheel",))
    assert fill(text, {"project": "/p", "wheel": "w"}) == text


@pytest.mark.parametrize(
    ("command", "filled"),
    [
        ("{project}", "/p"),
        ("a{project}{wheel}b", "a/p/p/{x}.whlb"),
        ("#{project} {project}", "{project} /p"),
        ("{{project}}", "{/p}"),
        ("{plat}", "{plat}"),
    ],
)
def test_fill(command: str, filled: str) -> None:
    """Known names are replaced once, escaped ones become literal, names without a value stay."""
    assert fill(command, {"project": "/p", "wheel": "/p/{x}.whl"}) == filled


def test_quoted_block_of_another_language() -> None:
    """Between single quotes, a name that is like no placeholder belongs to awk or its like; elsewhere it does not."""
    check("""awk '{print}' "it's" x 'a {b}'""", ("project",))
    for command in ("awk {print}", "python -c \"f'{value}'\"", "x '{projects}'", "x '{wheel}'", "\\'{print}\\'"):
        with pytest.raises(InvalidValue):
            check(command, ("project",))


def test_unknown_name() -> None:
    """A name that is no placeholder here is refused, whatever stands around it."""
    with pytest.raises(InvalidValue) as caught:
        check("pytest '{projct}' #{fine} {project}", ("project", "wheel"))
    (finding,) = caught.value.findings
    assert finding.text.startswith('unknown placeholder {projct} (did you mean "project"?); known here: {project}, ')
