"""Which files a pattern means."""

import pytest

from matrix_runner.results.file_patterns import matches


@pytest.mark.parametrize(
    ("pattern", "meant", "others"),
    [
        ("junit.xml", ["junit.xml"], ["a/junit.xml", "junit.xml/a", "junit-xml"]),
        ("*.xml", ["a.xml", ".xml"], ["a/b.xml", "a.xml/b", "a.txt"]),
        ("out/*", ["out/a", "out/b.xml"], ["out/a/b", "a", "other/a"]),
        ("out/**/*.xml", ["out/a.xml", "out/b/a.xml", "out/b/c/a.xml"], ["a.xml", "out.xml", "out/b/a.txt"]),
        ("**/a.xml", ["a.xml", "b/c/a.xml"], ["b/a.xml/c", "ba.xml"]),
        ("out/**", ["out/a", "out/b/a"], ["a", "out"]),
        ("[ab]?.xml", ["a1.xml", "b2.xml"], ["c1.xml", "a.xml", "a12.xml"]),
        ("[z-a].xml", [], ["z.xml", "a.xml"]),
        ("a[", ["a["], ["a"]),
        ("a\\", ["a\\"], ["a"]),
        ("!a #b", ["!a #b"], ["a"]),
    ],
)
def test_a_pattern(pattern: str, meant: list[str], others: list[str]) -> None:
    """As in a shell with `globstar`; one that makes no sense matches nothing, or itself."""
    assert [path for path in meant if not matches(pattern, path)] == []
    assert [path for path in others if matches(pattern, path)] == []


def test_many_stars_take_no_long_time() -> None:
    """However many ways there are to share a path out among them."""
    assert not matches("**/a/" * 30 + "x", "/".join("a" * 200))
