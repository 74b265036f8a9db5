"""A stream that is masked piece by piece is masked as the whole would be, and nothing secret comes through."""

import base64
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from matrix_runner.redaction.masking import MaskedStream, PatternTable, mask_bytes
from matrix_runner.redaction.redactor import Redactor
from matrix_runner.redaction.secret_names import SecretNames
from matrix_runner.redaction.spellings import SHORTEST, spellings

LETTERS = st.sampled_from(b"ab*")
"""Few, so that patterns overlap each other and themselves."""

PATTERNS = st.lists(st.lists(LETTERS, min_size=SHORTEST, max_size=12).map(bytes), min_size=1, max_size=4)
TEXT = st.lists(LETTERS, max_size=80).map(bytes)


@st.composite
def spoken(draw: st.DrawFn) -> tuple[tuple[bytes, ...], bytes]:
    """Return patterns, and a text with some of them and pieces of them in it."""
    patterns = draw(PATTERNS)
    pieces = draw(st.lists(TEXT | st.sampled_from(patterns) | st.sampled_from(patterns).flatmap(cut), max_size=8))
    return tuple(patterns), b"".join(pieces)


def cut(pattern: bytes) -> st.SearchStrategy[bytes]:
    """Return beginnings and ends of a pattern."""
    size = st.integers(0, len(pattern))
    return size.map(lambda at: pattern[:at]) | size.map(lambda at: pattern[at:])


def plainly_masked(patterns: tuple[bytes, ...], text: bytes) -> bytes:
    """Mask by the definition: every byte of every occurrence is secret, and each row of such bytes becomes one mask."""
    is_secret = [False] * len(text)
    for pattern in patterns:
        for at in range(len(text) - len(pattern) + 1):
            if text.startswith(pattern, at):
                is_secret[at : at + len(pattern)] = [True] * len(pattern)
    result = bytearray()
    for at, byte in enumerate(text):
        if not is_secret[at]:
            result.append(byte)
        elif at == 0 or not is_secret[at - 1]:
            result += b"***"
    return bytes(result)


@given(drawn=spoken(), places=st.lists(st.integers(0, 200), max_size=12))
@example(drawn=((b"aaaaaa", b"aaaaaab"), b"aaaaaaab"), places=[6])
@example(drawn=((b"aaaaaa", b"aaabbb"), b"aaaaaabbb"), places=[1, 6, 8])
def test_the_pieces_do_not_matter(drawn: tuple[tuple[bytes, ...], bytes], places: list[int]) -> None:
    """However a text is cut, its masked pieces make the masked text, which is the one that the definition gives."""
    patterns, text = drawn
    table = PatternTable.of(patterns)
    cuts = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    stream = MaskedStream(table)
    pieces = [stream.feed(text[begin:end]) for begin, end in pairwise(cuts)]
    assert b"".join((*pieces, stream.flush())) == mask_bytes(table, text) == plainly_masked(patterns, text)


@given(drawn=spoken())
def test_nothing_is_held_back_but_what_may_become_a_secret(drawn: tuple[tuple[bytes, ...], bytes]) -> None:
    """After each byte, all is said but the longest end that is a beginning of a pattern, and shorter than it."""
    patterns, text = drawn
    stream, said = MaskedStream(PatternTable.of(patterns)), b""
    for end in range(1, len(text) + 1):
        said += stream.feed(text[end - 1 : end])
        held = next(size for size in range(end, -1, -1) if is_beginning(patterns, text[:end], size))
        whole = plainly_masked(patterns, text[:end])
        rest = plainly_masked(patterns, text[:end][end - held :])
        assert whole.startswith(said)
        assert len(said) >= len(whole) - max(held, len(rest))


def is_beginning(patterns: tuple[bytes, ...], text: bytes, size: int) -> bool:
    """Whether the last `size` bytes of a text are a beginning of a pattern that is not whole."""
    return any(size < len(pattern) and text.endswith(pattern[:size]) for pattern in patterns)


SECRETS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=8, max_size=40).filter(
    lambda text: len(text.strip().encode()) >= SHORTEST
)


@given(secret=SECRETS, before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_base64_of_something_around_a_secret(secret: str, before: bytes, after: bytes) -> None:
    """Wherever in a group of three bytes it begins, its own characters are gone: what is left does not decode to it."""
    redactor = Redactor.of(SecretNames(), (secret,))
    whole = base64.b64encode(before + secret.encode() + after)
    left = mask_bytes(redactor.table, whole)
    assert b"***" in left
    assert len(left.replace(b"***", b"")) <= len(base64.b64encode(before + after)) + 8


@given(secret=SECRETS)
def test_every_spelling_is_masked_whole(secret: str) -> None:
    """Of a text that is a spelling, or has one between others, nothing of it is left."""
    redactor = Redactor.of(SecretNames(), (secret,))
    for form in spellings(secret):
        assert mask_bytes(redactor.table, b"\x00\x01" + form + b"\x01\x00") == b"\x00\x01***\x01\x00"


@given(text=st.text())
def test_without_secrets_nothing_changes(text: str) -> None:
    """The text itself comes back, lone surrogates and all."""
    assert Redactor().text(text) is text


@given(secret=SECRETS, text=st.text(st.characters(), max_size=30))
def test_any_text_can_be_masked(secret: str, text: str) -> None:
    """Whatever surrounds a secret, surrogates that stand for no byte too."""
    redactor = Redactor.of(SecretNames(), (secret,))
    assert secret not in redactor.text(f"{text}{secret}{text}")
