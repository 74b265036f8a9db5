"""The difference between two wheels, as it is told to a user."""

import subprocess
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest
from wheel_builder import X86_64, build_wheel

from matrix_runner.wheelhouse.wheel_difference import difference

SOURCE = "int answer(void) { return 42; }\nconst char made[] = WHEN;\n"


def wheel(directory: Path, files: dict[str, bytes | None]) -> Path:
    """Make a wheel of these files."""
    directory.mkdir(parents=True)
    return build_wheel(directory, X86_64, files=files)


def library(directory: Path, *flags: str, when: str = "then") -> bytes:
    """Compile a library in a directory."""
    directory.mkdir(parents=True)
    (directory / "a.c").write_text(SOURCE)
    argv = ("gcc", "-shared", "-fPIC", *flags, f'-DWHEN="{when}"', "-o", "a.so", str(directory / "a.c"))
    subprocess.run(argv, cwd=directory, check=True)
    return (directory / "a.so").read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({"demo/a": b"1"}, {"demo/a": b"1", "demo/b": b""}, "demo/b (in the new one only)"),
        ({"demo/a": b"1", "demo/b": b""}, {"demo/a": b"1"}, "demo/b (in the old one only)"),
        ({"demo/a": b"x\n1\n"}, {"demo/a": b"x\n2\n"}, "demo/a (line 2: '2' in place of '1')"),
        ({"demo/a": b"x\n"}, {"demo/a": b"x\nx\n"}, "demo/a (length)"),
        ({"demo/a": b"\xff1"}, {"demo/a": b"\xff2"}, "demo/a"),
        ({"demo/a": b"\x7fELF1"}, {"demo/a": b"\x7fELF2"}, "demo/a"),
        ({f"demo/{n}": b"1" for n in range(7)}, {f"demo/{n}": b"2" for n in range(7)}, " and 3 more"),
        ({"demo/a": b"1"}, {"demo/a": b"1"}, "bytes of the archive that are of no member"),
    ],
)
def test_members_are_named(
    tmp_path: Path, old: dict[str, bytes | None], new: dict[str, bytes | None], told: str
) -> None:
    """Each with what tells why; RECORD, which always follows, is not."""
    found = difference(wheel(tmp_path / "old", old), wheel(tmp_path / "new", new))
    assert found.endswith(told) if told.startswith(" and") else found == told


def test_the_section_tells_the_cause(tmp_path: Path) -> None:
    """Another directory is seen in debug information only; another time in constants; other code in the code."""
    plain = library(tmp_path / "a" / "src", "-g0")
    cases = {
        "debug information, such as the path of the sources": (
            library(tmp_path / "b" / "src", "-g"),
            library(tmp_path / "c" / "src", "-g"),
        ),
        "constants, such as a time or a path": (plain, library(tmp_path / "d" / "src", "-g0", when="late")),
        "code": (plain, library(tmp_path / "e" / "src", "-g0", "-O2", "-fno-unwind-tables", "-fcf-protection=none")),
    }
    for number, (cause, (old, new)) in enumerate(cases.items()):
        place = tmp_path / str(number)
        found = difference(wheel(place / "old", {"demo/_a.so": old}), wheel(place / "new", {"demo/_a.so": new}))
        assert found.startswith(f"demo/_a.so ({cause}")
        told = {"debug": "c/src", "constants": "'late' in place of 'then')", "code": f"({cause})"}
        assert next(words for start, words in told.items() if cause.startswith(start)) in found


def test_what_holds_the_members_is_told(tmp_path: Path) -> None:
    """The same members, packed at another time, in another order, or by another compressor."""
    old = wheel(tmp_path / "old", {"demo/a": b"1" * 1000})
    changes = {
        "times of members, such as demo/__init__.py: 2026-01-02 03:04:06 in place of 1980-01-01 00:00:00": ZIP_DEFLATED,
        "the order of the members": None,
        "the compression of members, such as demo/__init__.py": ZIP_STORED,
    }
    for number, (told, method) in enumerate(changes.items()):
        new = tmp_path / str(number) / old.name
        new.parent.mkdir()
        with ZipFile(old) as before, ZipFile(new, "w") as after:
            members = before.infolist()
            for member in reversed(members) if method is None else members:
                copy = ZipInfo(member.filename, (2026, 1, 2, 3, 4, 6) if "times" in told else member.date_time)
                copy.external_attr, copy.create_system = member.external_attr, member.create_system
                after.writestr(copy, before.read(member), ZIP_DEFLATED if method is None else method)
        assert told in difference(old, new)
        assert len(difference(old, new).split(", the ")) == 1


def test_what_is_no_wheel_is_only_said_to_differ(tmp_path: Path) -> None:
    """Whatever lies there under the name."""
    good = wheel(tmp_path / "new", {"demo/a": b"1"})
    for content in (b"", b"PK"):
        (tmp_path / good.name).write_bytes(content)
        assert difference(tmp_path / good.name, good).startswith("content that cannot be compared (")
