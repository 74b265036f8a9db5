"""JUnit files: whatever comes is read or refused; whatever was read is written such that it is read as it was."""

from hypothesis import given
from hypothesis import strategies as st
from junit_files import GOOGLETEST, NESTED, PYTEST, UNITTEST

from matrix_runner.results.junit_reading import NotJunit, read_suites
from matrix_runner.results.junit_writing import junit_document, xml_text
from matrix_runner.results.suites import Remark, ResultCase, ResultSuite, Verdict, counts_of

# A reader of XML takes each line end for \n.
TEXT = st.text(max_size=30).map(lambda text: xml_text(text).replace("\r", "\n"))
PROPERTIES = st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple)
SECONDS = st.integers(0, 10**7).map(lambda number: number / 1000)
REMARKS = st.builds(Remark, verdict=st.sampled_from(Verdict), kind=TEXT, message=TEXT, text=TEXT)
CASES = st.builds(
    ResultCase,
    name=TEXT,
    classname=TEXT,
    seconds=SECONDS,
    file=TEXT,
    line=TEXT,
    remarks=st.lists(REMARKS, max_size=2).map(tuple),
    properties=PROPERTIES,
    system_out=TEXT,
    system_err=TEXT,
)
SUITES = st.builds(
    ResultSuite,
    name=TEXT.map(str.strip),
    cases=st.lists(CASES, min_size=1, max_size=3).map(tuple),
    seconds=SECONDS,
    timestamp=TEXT,
    hostname=TEXT,
    properties=PROPERTIES,
    system_out=TEXT,
    system_err=TEXT,
)


def read_or_refused(data: bytes) -> tuple[ResultSuite, ...]:
    """Return what a file has, nothing if it is refused."""
    try:
        return read_suites(data)
    except NotJunit:
        return ()


@given(st.lists(SUITES, max_size=3).map(tuple))
def test_written_suites_are_read_as_they_were(suites: tuple[ResultSuite, ...]) -> None:
    """Every text, number and verdict."""
    found = read_suites(junit_document(suites))
    assert found == suites
    assert counts_of(found) == counts_of(suites)


@given(st.sampled_from((PYTEST, UNITTEST, GOOGLETEST, NESTED)), st.integers(0, 10**6), st.binary(max_size=6))
def test_a_damaged_file_is_read_or_refused(text: str, where: int, put_in: bytes) -> None:
    """Never anything else, wherever bytes are changed."""
    data = text.encode()
    at = where % len(data)
    for damaged in (data[:at], data[:at] + put_in + data[at:], data[:at] + put_in + data[at + len(put_in) :]):
        assert all(suite.cases for suite in read_or_refused(damaged))


@given(st.binary(max_size=200))
def test_anything_is_read_or_refused(data: bytes) -> None:
    """It need not be XML at all."""
    assert read_or_refused(data) == ()
