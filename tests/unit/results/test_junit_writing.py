"""Written results are read by others as they are meant, and by us as they were."""

from junit_files import GOOGLETEST, NESTED, PYTEST, UNITTEST, one_suite
from junitparser import Error, Failure, JUnitXml, Skipped
from msgspec.structs import replace

from matrix_runner.results.junit_reading import read_suites
from matrix_runner.results.junit_writing import junit_document, xml_text


def test_what_was_read_is_written_and_read_again() -> None:
    """Of every runner."""
    for text in (PYTEST, UNITTEST, GOOGLETEST, NESTED):
        suites = read_suites(text.encode())
        assert read_suites(junit_document(suites)) == suites


def test_another_reader_finds_the_same() -> None:
    """`junitparser`: sums, names, results and their texts."""
    found = JUnitXml.fromstring(junit_document(read_suites(PYTEST.encode()), name="all", seconds=3))
    assert (found.name, found.tests, found.failures, found.errors, found.skipped) == ("all", 4, 1, 1, 1)
    assert found.time == 3
    (suite,) = found
    assert (suite.name, suite.tests, suite.failures, suite.hostname) == ("pytest", 4, 1, "vm")
    good, skipped, bad, broken = suite
    assert good.result == []
    assert good.system_out == "hello\n"
    assert isinstance(skipped.result[0], Skipped)
    assert isinstance(bad.result[0], Failure)
    assert isinstance(broken.result[0], Error)
    assert "E       assert 42 == 1\n" in bad.result[0].text


def test_texts_cannot_break_out() -> None:
    """Of elements, attributes and sections."""
    text = "</failure>]]><x a=\"'&lt;&#10;\n\t>"
    suite = replace(one_suite(kind=text, message=text, text=text), name=text)
    assert read_suites(junit_document((suite,))) == (suite,)


def test_what_xml_cannot_hold_is_dropped() -> None:
    """Control characters, surrogates, and code points that are no characters."""
    assert xml_text("a\x00\x1b\ud800\ufffe\n\t\U0001f600") == "a\n\t\U0001f600"
