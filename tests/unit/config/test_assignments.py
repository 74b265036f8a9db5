"""Environment variables, as a real shell sees what was made of them."""

import subprocess
from pathlib import Path

import pytest

from matrix_runner.config.kinds.assignments import parse_assignments, quotable
from matrix_runner.config.kinds.values import Variables
from matrix_runner.config.mistakes import InvalidValue
from matrix_runner.config.options.build_options import ENVIRONMENT
from matrix_runner.toml import loads


def evaluated(variables: Variables, directory: Path) -> tuple[str, ...]:
    """Let `sh` export the variables, each between double quotes, and say what they hold."""
    lines = [f'export {name}="{value}"' for name, value in variables]
    lines += [f'printf "%s\\0" "${name}"' for name, _ in variables]
    result = subprocess.run(
        ("sh", "-euc", "\n".join(lines)), cwd=directory, env={"PATH": "/usr/bin:/bin", "BASE": "base"},
        capture_output=True, check=True,
    )  # fmt: skip
    assert result.stderr == b""
    return tuple(result.stdout.decode().split("\0")[:-1])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1 B=2", ("1", "2")),
        ("A= B=''", ("", "")),
        ('A="x y" B=x\\ y C="x"y\'z\'', ("x y", "x y", "xyz")),
        ("A='$BASE' B=\"$BASE\" C=$BASE D=\\$BASE", ("$BASE", "base", "base", "$BASE")),
        ("A='a\"b' B=\"a\\\"b\" C=a\\\"b", ('a"b', 'a"b', 'a"b')),
        ("A='a\\b' B=\"a\\b\" C=a\\\\b", ("a\\b", "a\\b", "a\\b")),
        ("A=$(echo 'a b' c) B=\"$(echo \"x  y\" ')')\"", ("a b c", "x  y )")),
        ('A=$(echo $(echo a) "$(echo b)") B=`echo c d`', ("a b", "c d")),
        ("A=${NONE:-a b} B=${BASE}x C='`'", ("a b", "basex", "`")),
        ("A=$((1 + (2 * 3))) B=$(echo \\))", ("7", ")")),
        ("A=1 B=$A$A", ("1", "11")),
        ("  A=1\n\tB=2\n", ("1", "2")),
        ("A=-O2=fast B=a=b", ("-O2=fast", "a=b")),
        ("A=$", ("$",)),
    ],
)  # fmt: skip
def test_string_means_what_it_means_in_a_shell(tmp_path: Path, text: str, values: tuple[str, ...]) -> None:
    """Quotes, backslashes and expansions of a string of assignments come out as the shell itself would have it."""
    assert evaluated(parse_assignments(text), tmp_path) == values


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("plain", "plain"),
        ('-DNAME="x"', '-DNAME="x"'),
        ("it's", "it's"),
        ("$BASE/x", "base/x"),
        ("\\$BASE", "$BASE"),
        ("C:\\dir\\", "C:\\dir\\"),
        ('\\"', '\\"'),
        ('$(echo "a  b")', "a  b"),
        ('say "$(echo "hi")"', 'say "hi"'),
        ("$(printf '%s' ')\"')", ')"'),
        ("`echo x`", "x"),
        ("two\nlines", "two\nlines"),
        ("; rm -rf / #&|<>()", "; rm -rf / #&|<>()"),
        ("cost: 5$", "cost: 5$"),
        ("", ""),
    ],
)
def test_table_value_is_literal_but_for_expansions(tmp_path: Path, value: str, seen: str) -> None:
    """A table's value needs no quoting of its own: all but dollar signs and backticks is literal."""
    assert evaluated((("A", quotable(value)),), tmp_path) == (seen,)


@pytest.mark.parametrize("text", ["A", "=1", "A =1", "1A=1", "A=(", "A=1|B=2", "A=$(", "A=`", "A=${", 'A="', "A=$('"])
def test_what_is_no_assignment_is_refused(text: str) -> None:
    """Anything but assignments is a mistake, also where a shell would wait for the rest."""
    with pytest.raises(InvalidValue):
        parse_assignments(text)


def test_written_variables_are_read_back() -> None:
    """Writing variables as TOML and reading them again changes nothing, whatever is in them."""
    for text in ('A="x \\"y\\" $B $(c "d")" E=\'$\'', "A=\\\\", "A=''"):
        value = parse_assignments(text)
        written = ENVIRONMENT.kind.write(value)
        assert '"' in written
        assert ENVIRONMENT.kind.read_text(_untoml(written)) == value


def _untoml(text: str) -> str:
    value = loads(f"x = {text}")["x"]
    assert isinstance(value, str)
    return value
