"""Answers of commands in containers: what is kept of them."""

from matrix_runner.engine.answer import LONGEST, Answer


def test_an_answer_is_kept_as_a_whole() -> None:
    """In whatever pieces it comes; bytes that are no text are replaced in text."""
    answer = Answer(5)
    for piece in (b"a", b"\xff", b"", b"bcd"):
        answer.hear(piece)
    assert (answer.data, answer.text, answer.is_whole) == (b"a\xffbcd", "a\ufffdbcd", True)


def test_the_rest_is_dropped() -> None:
    """Whoever answers without end fills no memory."""
    answer = Answer()
    for _ in range(LONGEST // 1024**2 + 8):
        answer.hear(bytes(1024**2))
    assert len(answer.data) == LONGEST
    assert not answer.is_whole
