"""JUnit files are read in each form that test runners write; what is hostile or no JUnit is refused with the reason."""

import pytest
from junit_files import GOOGLETEST, NESTED, PYTEST, UNITTEST

from matrix_runner.model.outcomes import ResultCounts
from matrix_runner.results.junit_reading import _MOST_ELEMENTS, NotJunit, read_suites
from matrix_runner.results.suites import Verdict, counts_of, counts_text


def test_what_pytest_writes() -> None:
    """Suites, cases, and what became of each, with all texts."""
    (suite,) = read_suites(PYTEST.encode())
    assert (suite.name, suite.seconds, suite.hostname) == ("pytest", 0.127, "vm")
    assert suite.properties == (("seed", "7"),)
    good, skipped, bad, broken = suite.cases
    assert (good.classname, good.name, good.remarks, good.system_out) == (
        "tests.test_answer",
        "test_answer",
        (),
        "hello\n",
    )
    assert skipped.has(Verdict.SKIPPED)
    assert (skipped.remarks[0].kind, skipped.remarks[0].message) == ("pytest.skip", "not today")
    assert (bad.name, bad.seconds, bad.properties) == ("test_n[1-a b]", 0.002, (("n", "1"),))
    assert bad.remarks[0].message == "assert 42 == 1\n +  where 42 = answer()"
    assert bad.remarks[0].text.splitlines()[-1] == "tests/test_answer.py:8: AssertionError"
    assert broken.has(Verdict.ERROR)
    assert counts_of((suite,)) == ResultCounts(tests=4, failures=1, errors=1, skipped=1)
    assert counts_text(counts_of((suite,))) == "4 tests, 1 failed, 1 error, 1 skipped"


def test_what_unittest_writes() -> None:
    """The root is the suite; places of tests and the traceback are there."""
    (suite,) = read_suites(UNITTEST.encode())
    good, bad = suite.cases
    assert (good.file, good.line, good.remarks) == ("tests/test_answer.py", "5", ())
    assert (bad.remarks[0].kind, bad.remarks[0].message) == ("AssertionError", "42 != 1")
    assert bad.remarks[0].text.startswith("Traceback (most recent call last):\n")


def test_what_googletest_writes() -> None:
    """A test that fails twice is one that failed; a disabled one was skipped; odd times are 0 or what they mean."""
    (suite,) = read_suites(GOOGLETEST.encode())
    assert suite.seconds == 1234.5
    assert [case.seconds for case in suite.cases] == [0.0, 0.0, 0.0]
    assert [remark.message for remark in suite.cases[2].remarks] == ["sum.cc:8\none", "sum.cc:9\ntwo"]
    assert counts_of((suite,)) == ResultCounts(tests=3, failures=1, errors=0, skipped=1)


def test_suites_within_suites() -> None:
    """Each that has tests is one of its own, with the names around it; namespaces are nothing."""
    inner, outer = read_suites(NESTED.encode())
    assert (inner.name, [case.name for case in inner.cases]) == ("outer > inner", ["a", "b"])
    assert (outer.name, [case.name for case in outer.cases], outer.system_err) == ("outer", ["c"], "one\ntwo")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_encodings(encoding: str) -> None:
    """A file says which it has."""
    text = f'<?xml version="1.0" encoding="{encoding}"?><testsuite><testcase name="für"/></testsuite>'
    (suite,) = read_suites(text.encode(encoding))
    assert suite.cases[0].name == "für"


BILLION_LAUGHS = """<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<testsuite><testcase name="&lol2;"/></testsuite>"""


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (BILLION_LAUGHS, "it has a document type"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite/>', "it has a document type"),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><testsuite>&e;</testsuite>', "it has a document type"),
        ("<testsuite>&undeclared;</testsuite>", "undefined entity"),
        ("<testsuite>" + "<x>" * 100, "more than 50 of its elements are in one another"),
        ("<html><body/></html>", "its root is <html>, not <testsuites> or <testsuite>"),
        ("", "no element found"),
        ("hello", "syntax error"),
        ('<testsuite><testcase name="a"/>', "cut short"),
        ('<?xml version="1.0" encoding="euc-jp"?><testsuite/>', "it cannot be read"),
        ("\x00\x01", "it is no XML"),
    ],
)
def test_what_is_refused(data: str, why: str) -> None:
    """Nothing is expanded, nothing opened; the reason is told."""
    with pytest.raises(NotJunit) as refused:
        read_suites(data.encode())
    assert why in str(refused.value)


def test_a_file_without_tests_has_no_suites() -> None:
    """As of a run in which none was collected."""
    assert read_suites(b'<testsuites><testsuite name="pytest" tests="0"/></testsuites>') == ()


def test_tests_outside_of_a_suite() -> None:
    """Some runners have no suites: their tests are one."""
    (suite,) = read_suites(b'<testsuites name="all"><testcase name="a"/></testsuites>')
    assert (suite.name, len(suite.cases)) == ("all", 1)


@pytest.mark.parametrize("count", [_MOST_ELEMENTS, _MOST_ELEMENTS + 1])
def test_a_file_has_so_many_elements(count: int) -> None:
    """Of whatever kind: ten bytes of the file are an object each."""
    data = b"<testsuite><testcase>" + b"<x/>" * (count - 2) + b"</testcase></testsuite>"
    if count <= _MOST_ELEMENTS:
        assert len(read_suites(data)) == 1
        return
    with pytest.raises(NotJunit, match=f"more than {_MOST_ELEMENTS} elements"):
        read_suites(data)
