"""The messages of errors and failures, read as a whole: one text, which a change of any of them changes too."""

from pathlib import Path

from message_catalogue import catalogue, error_classes

RECORDED = Path(__file__).with_name("messages.txt")


def test_the_list_of_messages_is_up_to_date() -> None:
    """`make reference` would change nothing: a new message is read beside all others."""
    assert catalogue() == RECORDED.read_text("utf-8")


def test_the_list_knows_every_class_of_errors() -> None:
    """Each that is raised anywhere is in it; the general ones are made by way of the others."""
    text = RECORDED.read_text("utf-8")
    assert {name for name in error_classes() if f"  {name}: " not in text} == {"RunnerError"}


def test_messages_are_sentences_of_their_own() -> None:
    """None ends with a full stop, none is empty, and no hint is."""
    lines = RECORDED.read_text("utf-8").splitlines()
    messages = [line.partition(": ")[2] for line in lines if line.startswith("  ") and not line.startswith("      ")]
    hints = [line.partition("-> ")[2] for line in lines if line.startswith("      -> ")]
    assert messages
    assert [text for text in messages if not text or text.endswith(".")] == []
    assert [text for text in hints if not text.strip()] == []
