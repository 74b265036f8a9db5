"""What untrusted output may put on a terminal or in a CI system's log."""

import tracemalloc
import unicodedata

import pytest

from matrix_runner.report.ci.ci_commands import neutralise
from matrix_runner.report.sanitize import (
    LONGEST_LINE,
    Sanitizer,
    clean_line,
    clean_lines,
    last_line,
    sanitized_lines,
)


def plain(data: bytes) -> list[str]:
    """Return the lines that remain without colours."""
    return list(sanitized_lines((data,)))


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"a\x00b\x07c\x7f", "abc"),
        (b"bad \xff utf-8", "bad \ufffd utf-8"),
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b[2J\x1b[1;1Hhome", "home"),
        (b"up\x1b[1A\x1b[2Kgone", "upgone"),
        (b"\x1b]0;title\x07text", "text"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1bPdevice\x1b\\control", "control"),
        (b"\x1b(Bcharset\x1bc", "charset"),
        ("c1 \u009b31mcsi \u009d0;t\u009cosc".encode(), "c1 csi osc"),
        ("abc\u202edcba\u202c \u2066x\u2069".encode(), "abcdcba x"),
        ("one\u2028line".encode(), "one line"),
        (b"a\tb", "a       b"),
        (b"-\b\\\b|\b/\bdone", "done"),
        (b"crlf\r\n", "crlf"),
        (b" 10%\r 50%\r100%\n", "100%"),
        (b" 10%\r 50%\r", " 50%"),
        ("żółw 龍".encode(), "żółw 龍"),
    ],
)
def test_only_text_remains(data: bytes, line: str) -> None:
    """What controls a terminal goes; what a person would have read in the end stays."""
    assert plain(data) == [line]


@pytest.mark.parametrize("data", [b"\x1b", b"\x1b[", b"\x1b[31", b"\x1b]0;never ended", b"\xc3"])
def test_a_sequence_cut_off_by_the_end_does_no_harm(data: bytes) -> None:
    """Output that ends in mid-sequence keeps the text before it and gives no escape character away."""
    lines = plain(b"text" + data)
    assert lines[0].rstrip("\ufffd") == "text"
    assert len(lines) == 1


def test_an_unterminated_string_hides_one_line_at_most() -> None:
    """A terminal would swallow all the rest of the log after `ESC ]`; a reader still needs it."""
    assert plain(b"a\x1b]0;oops\nb\n") == ["a", "b"]


def test_colours_are_closed_at_a_lines_end_and_opened_on_the_next() -> None:
    """Each line stands for itself: GitHub forgets colours at a line end, and our own text must not take them on."""
    lines = list(sanitized_lines((b"\x1b[1;31mred\nstill\x1b[0m not\n",), colour=True))
    assert lines == ["\x1b[1;31mred\x1b[0m", "\x1b[1;31mstill\x1b[0m not\x1b[0m"]


def test_kept_colours_let_no_other_sequence_through() -> None:
    """With colours kept, cursor movements and private modes still go."""
    assert list(sanitized_lines((b"\x1b[?25l\x1b[2K\x1b[32mok\x1b[39m",), colour=True)) == ["\x1b[32mok\x1b[39m\x1b[0m"]


def test_a_long_line_is_cut_and_says_so() -> None:
    """A line keeps its first 4,000 characters and the number of those that went."""
    (line,) = plain(b"x" * 5000 + b"\n")
    assert line == "x" * LONGEST_LINE + " [... 1,000 more characters]"


@pytest.mark.parametrize("unit", [b"x", b"\x1b[31m", b"x\b", b"\r", b"\x1b]", b"\x1b[", b"\xff", b"\t", b"x\r"])
def test_memory_is_flat_whatever_a_line_is_made_of(unit: bytes) -> None:
    """A line without an end does not grow what is held, colours kept or not."""
    chunk = unit * (4096 // len(unit))
    sanitizer = Sanitizer(colour=True)
    sanitizer.feed(chunk)
    tracemalloc.start()
    for _ in range(8):
        sanitizer.feed(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150_000
    assert sum(map(len, sanitizer.finish())) < 10_000


@pytest.mark.parametrize(
    ("line", "safe"),
    [
        ("::set-output name=a::b", ": :set-output name=a::b"),
        ("  ::error::no", "  : :error::no"),
        ("text ##[add-mask]x", "text # #[add-mask]x"),
        ("###[group]", "## #[group]"),
        ("##vso[task.setvariable variable=a]b", "# #vso[task.setvariable variable=a]b"),
        ("##teamcity[buildProblem]", "# #teamcity[buildProblem]"),
        ("travis_fold:end:x", "travis_fold :end:x"),
        ("section_end:1:x", "section_end :1:x"),
        ("\u00a0::error::x", "\u00a0: :error::x"),
        ("--- a/file", "- -- a/file"),
        ("---", "- --"),
        ("  +++ open", "  + ++ open"),
        ("~~~ dim", "~ ~~ dim"),
        ("^^^ +++", "^ ^^ +++"),
        ("\x1b[33m--- a\x1b[0m", "- -- a"),
        ("\x1b[33ma::b\x1b[0m", "\x1b[33ma::b\x1b[0m"),
        ("------ tests ------", "------ tests ------"),
        ("a --- b", "a --- b"),
        ("std::vector a::b ## heading", "std::vector a::b ## heading"),
    ],
)
def test_a_ci_command_is_no_command_any_more(line: str, safe: str) -> None:
    """A space breaks what a CI system would obey; other text stays as it is."""
    assert neutralise(line) == safe


def test_a_diff_behind_a_bar_stays_as_it_is() -> None:
    """What looks like a title of Buildkite is one at the start of a line only; other commands are broken anywhere."""
    assert neutralise("--- a/file", is_start=False) == "--- a/file"
    assert neutralise("##vso[x]", is_start=False) == "# #vso[x]"
    assert list(sanitized_lines((b"--- a\n+++ b\n",), is_start=False)) == ["--- a", "+++ b"]


def test_no_invisible_character_is_left() -> None:
    """What compares text by the rules of a language sees through them, and a person does not see them."""
    for character in map(chr, range(0x110000)):
        if unicodedata.category(character) == "Cf":
            assert plain(f"#{character}#[x]".encode()) == ["# #[x]"], hex(ord(character))


@pytest.mark.parametrize(
    "data",
    [
        b"#\x00#[x]",
        "#\u200b#[x]".encode(),
        "\u00ad:\u2060:debug::".encode(),
        b"\x1b[31m::set-output name=a::b",
        b":\x07:set-env::",
        b"x\r::debug::",
    ],
)
def test_a_command_put_together_by_sanitising_is_neutral_too(data: bytes) -> None:
    """Characters that vanish cannot join the halves of a command."""
    (line,) = plain(data)
    assert neutralise(line) == line


def test_messages_are_cleaned_as_output_is() -> None:
    """A message that quotes output is cut into safe lines, or made one."""
    assert clean_lines("\n a\x1b[2J\nb \n") == ("a", "b")
    assert clean_line("a\n\n  b\n") == "a b"


def test_the_last_line_is_the_last_that_says_something() -> None:
    """Empty lines at the end are passed over; of a progress bar the latest state counts."""
    assert last_line(b"one\n 5%\r 9%\n\n  \n") == "9%"
    assert last_line(b"\n\n") == ""
