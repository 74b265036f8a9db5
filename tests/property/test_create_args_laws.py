"""Laws of reading `create-args`."""

from hypothesis import given
from hypothesis import strategies as st

from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.config.create_args.create_args import _ARGUMENTS, parse_create_args
from matrix_runner.config.mistakes import InvalidValue

LETTERS = sorted({argument.short for argument in _ARGUMENTS.values() if argument.short})
VALUED = sorted(name for name, argument in _ARGUMENTS.items() if not argument.is_switch)
TEXT = st.text(max_size=12) | st.sampled_from(
    ("", "1", "-1", "2g", "a=b", "/a:/b", "/x", "type=bind,src=/a,dst=/b", "nofile=1:2", "all", '"device=0,1"', "host")
)
WORDS = st.lists(
    TEXT
    | st.sampled_from([f"--{name}" for name in _ARGUMENTS])
    | st.builds("--{}={}".format, st.sampled_from(sorted(_ARGUMENTS)), TEXT)
    | st.builds("-{}{}".format, st.sampled_from(LETTERS), TEXT),
    max_size=6,
)


def outcome(words: list[str]) -> ContainerArguments | list[str]:
    """Return what words are read as, or what is said against them."""
    try:
        return parse_create_args(tuple(words))
    except InvalidValue as bad:
        return [finding.text for finding in bad.findings]


@given(WORDS)
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    """Whatever the words, they become a value, or mistakes that each fill one line and say which option is meant."""
    found = outcome(words)
    if isinstance(found, list):
        assert found
        assert all(line.isprintable() and ": " in line for line in found)


@given(st.sampled_from(VALUED), TEXT)
def test_joined_and_apart_are_the_same(name: str, value: str) -> None:
    """`--x=y` and `--x y` mean the same, whatever y is."""
    assert outcome([f"--{name}={value}"]) == outcome([f"--{name}", value])


@given(st.lists(st.sampled_from(("--env=A=1", "--cap-add=X", "--dns=192.0.2.1", "--init", "--network=host"))))
def test_reading_adds_up(words: list[str]) -> None:
    """What is said by several words is what each says by itself, in order."""
    whole = parse_create_args(tuple(words))
    parts = [parse_create_args((word,)) for word in words]
    assert whole.env == tuple(pair for part in parts for pair in part.env)
    assert whole.cap_add == tuple(one for part in parts for one in part.cap_add)
    assert whole.dns == tuple(one for part in parts for one in part.dns)
    assert whole.network == ("host" if "--network=host" in words else "")
    assert len(whole.warnings) == ("--init" in words)
