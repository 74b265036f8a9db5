"""Advice on compiled files that lie in the project."""

from matrix_runner.cell.explanations.compiled_files import advice_on_compiled_files


def test_compiled_files_are_named() -> None:
    """Extensions, objects, archives and libraries with a version; sources and data are none."""
    names = (
        "src/a.c",
        "src/_a.cpython-311-x86_64-linux-gnu.so",
        "build/a.o",
        "lib/libz.so.1",
        "lib/libz.a",
        "notes.social",
    )
    advice = advice_on_compiled_files(names)
    assert advice is not None
    assert "src/_a.cpython-311-x86_64-linux-gnu.so, build/a.o, lib/libz.so.1 and 1 more" in advice
    assert "source-exclude" in advice
    assert advice_on_compiled_files(("setup.py", "src/a.c")) is None
