"""Laws of identifiers."""

from hypothesis import example, given
from hypothesis import strategies as st

from matrix_runner.model.cells import Cell, Implementation, Interpreter
from matrix_runner.model.platforms import Arch, Libc, Platform

VARIANTS = st.sampled_from(["", "t", "m", "mu"]) | st.integers(0, 9999).map(lambda number: f"_{number}")
INTERPRETERS = st.builds(
    Interpreter,
    implementation=st.sampled_from(Implementation),
    major=st.sampled_from([2, 3]),
    minor=st.integers(0, 99),
    variant=VARIANTS,
)
CELLS = st.builds(
    Cell,
    interpreter=INTERPRETERS,
    platform=st.builds(Platform, libc=st.sampled_from(Libc), arch=st.sampled_from(Arch)),
)
NEAR_MISSES = st.from_regex(
    r"\A(cp|pp|gp|CP)\d{1,4}(t|mu|m|_\d+)?-(manylinux|musllinux|linux)_(x86_64|i686|X86_64|armv7l)\n?\Z"
)


@given(CELLS)
def test_a_cell_is_its_identifier(cell: Cell) -> None:
    """Whatever cell there may be one day: its identifier reads back as itself."""
    assert Cell.parse(str(cell)) == cell


@given(st.text(max_size=40) | NEAR_MISSES)
@example("cp301-manylinux_x86_64")
@example("cp3\u0661\u0661-manylinux_x86_64")
@example("cp311-manylinux_X86_64")
def test_a_text_is_refused_or_is_the_identifier(text: str) -> None:
    """A cell has one spelling: no other text is read as it."""
    try:
        cell = Cell.parse(text)
    except ValueError:
        return
    assert str(cell) == text
