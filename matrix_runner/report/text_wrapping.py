"""Wrapping of text to a terminal's width."""

import textwrap


def wrapped(text: str, width: int | None, indent: str, below: str | None = None) -> list[str]:
    """Return the text in lines that fit the width, None for a single line; `below`: the indent of all but the first."""
    if width is None:
        return [f"{indent}{text}"]
    further = indent if below is None else below
    wrapper = textwrap.TextWrapper(
        # One column remains free: some terminals start a new line when the last one is filled.
        width=max(width - 1, 40),
        initial_indent=indent,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapper.wrap(text)
