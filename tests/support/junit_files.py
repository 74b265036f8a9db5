"""JUnit files as test runners write them (recorded, shortened), for the tests of what reads them."""

from matrix_runner.results.suites import Remark, ResultCase, ResultSuite, Verdict

PYTEST = """\
<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.127" \
timestamp="2026-11-30T06:21:02.492294+00:00" hostname="vm"><properties><property name="seed" value="7" /></properties>\
<testcase classname="tests.test_answer" name="test_answer" time="0.001"><system-out>hello
</system-out></testcase>\
<testcase classname="tests.test_answer" name="test_skipped" time="0.000"><skipped type="pytest.skip" \
message="not today">/project/tests/test_answer.py:3: not today</skipped></testcase>\
<testcase classname="tests.test_answer.TestN" name="test_n[1-a b]" time="0.002"><properties>\
<property name="n" value="1" /></properties><failure message="assert 42 == 1&#10; +  where 42 = answer()">n = 1

    def test_n(n):
&gt;       assert answer() == n
E       assert 42 == 1
E        +  where 42 = answer()

tests/test_answer.py:8: AssertionError</failure></testcase>\
<testcase classname="tests.test_answer" name="test_fixture" time="0.001">\
<error message="failed on setup with &quot;OSError&quot;">\
no disk</error></testcase></testsuite></testsuites>
"""
"""pytest 9, `--junitxml`."""

UNITTEST = """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="test_answer.TestAnswer-20261130" tests="2" file="test_answer.py" time="0.010" failures="1" errors="0">
	<testcase classname="test_answer.TestAnswer" name="test_good" time="0.000" file="tests/test_answer.py" line="5"/>
	<testcase classname="test_answer.TestAnswer" name="test_bad" time="0.010" file="tests/test_answer.py" line="8">
		<failure type="AssertionError" message="42 != 1"><![CDATA[Traceback (most recent call last):
  File "/project/tests/test_answer.py", line 9, in test_bad
    self.assertEqual(answer(), 1)
AssertionError: 42 != 1
]]></failure>
	</testcase>
</testsuite>
"""
"""unittest-xml-reporting 3."""

GOOGLETEST = """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3" failures="1" disabled="1" errors="0" time="0.001" name="AllTests">
  <testsuite name="Sum" tests="3" failures="1" disabled="1" skipped="0" errors="0" time="1,234.5">
    <testcase name="Good" file="sum.cc" line="3" status="run" result="completed" time="0." classname="Sum" />
    <testcase name="DISABLED_Later" file="sum.cc" line="5" status="notrun" result="suppressed" time="0." \
classname="Sum" />
    <testcase name="Bad" file="sum.cc" line="7" status="run" result="completed" time="nan" classname="Sum">
      <failure message="sum.cc:8&#x0A;one" type=""><![CDATA[sum.cc:8 one]]></failure>
      <failure message="sum.cc:9&#x0A;two" type=""><![CDATA[sum.cc:9 two]]></failure>
    </testcase>
  </testsuite>
  <testsuite name="Empty" tests="0" failures="0" disabled="0" skipped="0" errors="0" time="0." />
</testsuites>
"""
"""GoogleTest 1.15, `--gtest_output=xml`; a time that is none, which other runners have written."""

NESTED = """\
<testsuites xmlns="urn:of:nobody" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:noNamespaceSchemaLocation="x.xsd">
  <testsuite name="outer"><system-err>one</system-err>
    <testsuite name="inner" id="0"><testcase name="a"/><testcase name="b"/></testsuite>
    <testcase name="c"/><system-err>two</system-err>
  </testsuite>
</testsuites>
"""
"""Suites in a suite, in a namespace, without classes and times."""


def one_suite(**texts: str) -> ResultSuite:
    """Return a suite of a passed and a failed test. `texts`: fields of the failed one's remark."""
    remark = Remark(verdict=Verdict.FAILURE, **texts)
    cases = (ResultCase(name="good", classname="m"), ResultCase(name="bad", classname="m", remarks=(remark,)))
    return ResultSuite(name="pytest", cases=cases)
