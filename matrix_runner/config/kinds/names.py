"""Kinds of names: extras and dependency groups, paths and path patterns of the project, variables, images."""

import posixpath
import re

from matrix_runner.config.kinds import basic, shapes
from matrix_runner.config.kinds.basic import Kind
from matrix_runner.config.mistakes import InvalidValue, quote
from matrix_runner.model.checks import Accepted, Check

_EXTRA = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
"""PEP 508 names of extras, and PEP 735 names of dependency groups."""


def _extra(text: str) -> str:
    if not _EXTRA.fullmatch(text.strip()):
        raise InvalidValue.because(f"{quote(text)} cannot be a name: letters, digits, '.', '_' and '-' only")
    return text.strip()


def names(what: str) -> Kind[tuple[str, ...]]:
    """Make the kind of a list of names of extras or dependency groups."""
    words = f"a list of {what}, or a string of them separated by spaces or commas"
    shape = shapes.matching(r"^[A-Za-z0-9._,\s-]*$")
    return basic.Listing(
        item=_extra, words=words, split=basic.split_words, split_items=True, shape=shape, item_shape=shape
    ).kind()


def _inside(text: str) -> str:
    if posixpath.isabs(text):
        raise InvalidValue.because(f"expected a path relative to the project, got {quote(text)}")
    normal = posixpath.normpath(text)
    if normal == ".." or normal.startswith("../"):
        raise InvalidValue.because(f"{quote(text)} leads out of the project")
    return normal


def inside_paths() -> Kind[tuple[str, ...]]:
    """Make the kind of a list of relative paths inside the project."""
    words = "a list of paths, relative to the project, or a string of them separated by spaces"
    return basic.Listing(item=_inside, words=words, split=basic.split_shell, item_shape=shapes.PATH).kind()


def _package(text: str) -> str:
    excluded = text.startswith("!")
    return f"!{_inside(text[1:])}" if excluded else _inside(text)


def package_paths() -> Kind[tuple[str, ...]]:
    """Make the kind of a list of directories of packages, or patterns of them, each with `!` in front or not."""
    words = "a list of directories or patterns of them, relative to this one, or a string of them separated by spaces"
    return basic.Listing(item=_package, words=words, split=basic.split_shell, item_shape=shapes.PATH).kind()


def _result(text: str) -> str:
    normal = posixpath.normpath(text)
    if posixpath.isabs(text):
        raise InvalidValue.because(f"expected a path relative to where the test runs, got {quote(text)}")
    if normal == ".." or normal.startswith("../"):
        raise InvalidValue.because(f"{quote(text)} leads out of the directory where the test runs")
    if normal == "." or text.endswith("/"):
        raise InvalidValue.because(f"{quote(text)} is a directory: name files, such as {quote('results/*.xml')}")
    return normal


def result_paths() -> Kind[tuple[str, ...]]:
    """Make the kind of a list of files that a test writes: relative paths, or patterns of them."""
    words = "a list of paths or patterns, relative to where the test runs, or a string of them separated by spaces"
    return basic.Listing(item=_result, words=words, split=basic.split_shell, item_shape=shapes.PATH).kind()


def path_patterns() -> Kind[tuple[str, ...]]:
    """Make the kind of a list of path patterns in .gitignore syntax."""
    words = "a list of patterns of paths, or a string of them separated by spaces"
    return basic.Listing(item=basic.check_text, words=words, split=basic.split_shell).kind()


_read_check = basic.member(Check, "check")


def _accepted(text: str) -> Accepted:
    name, colon, pattern = text.partition(":")
    if colon and not pattern.strip():
        raise InvalidValue.because(f"{quote(text)} names no files behind its colon")
    return Accepted(check=_read_check(name), pattern=pattern.strip() or None)


def accepted() -> Kind[tuple[Accepted, ...]]:
    """Make the kind of a list of checks whose findings are meant; a pattern of files may follow behind a colon."""
    words = "a list of checks such as `foreign-elf` or `foreign-elf:demo/data/*`, or a string of them"
    names = "|".join(str(check) for check in Check)
    shape = shapes.matching(rf"^\s*([a-zA-Z-]*[A-Z][a-zA-Z-]*|{names})(:.+)?\s*$")
    return basic.Listing(item=_accepted, words=words, split=basic.split_shell, item_shape=shape).kind()


_VARIABLE_PATTERN = r"!?[A-Za-z0-9_*?\[\]!-]+"


def _variable_pattern(text: str) -> str:
    if not re.fullmatch(_VARIABLE_PATTERN, text):
        raise InvalidValue.because(f"{quote(text)} cannot be a pattern of names of environment variables")
    return text


def variable_patterns() -> Kind[tuple[str, ...]]:
    """Make the kind of a list of patterns of names of environment variables, each with `!` in front or not."""
    words = "a list of patterns, or a string of them separated by spaces or commas"
    shape = shapes.matching(r"^[A-Za-z0-9_*?\[\]!,\s-]*$")
    return basic.Listing(
        item=_variable_pattern, words=words, split=basic.split_words, split_items=True, shape=shape, item_shape=shape
    ).kind()


_IMAGE = r"[^\s-]\S*"


def _image(text: str) -> str:
    if re.search(r"\s", text) or text.startswith("-") or not text.isprintable():
        raise InvalidValue.because(f"{quote(text)} cannot be the name of an image")
    return text


def images() -> Kind[tuple[str, ...]]:
    """Make the kind of a list of images."""
    words = "a list of images, such as debian:trixie, or a string of them separated by spaces"
    shape = shapes.matching(rf"^\s*{_IMAGE}\s*$")
    return basic.Listing(item=_image, words=words, split=basic.split_shell, item_shape=shape).kind()


def image(*, may_be_empty: bool) -> Kind[str]:
    """Make the kind of an image: a short name from the catalog or a full reference."""

    def read(value: object) -> str:
        return _image((basic.read_string if may_be_empty else basic.filled)(value).strip())

    words = "a short name of an image or a full reference"
    shape = shapes.matching(rf"^\s*({_IMAGE})?\s*$" if may_be_empty else rf"^\s*{_IMAGE}\s*$")
    return basic.string(words=words, read=read, may_be_empty=may_be_empty, shape=shape)


_SCHEDULER = rf"(tcp|tls|ws|wss)://{shapes.HOST_AND_PORT}(/\S*)?|(?!.*://).*"


def _cluster(text: str) -> str:
    if not re.fullmatch(_SCHEDULER, text):
        raise InvalidValue.because(
            f"expected tcp://HOST:PORT, tls://HOST:PORT or the path of a file, got {quote(text)}"
        )
    return text


def cluster() -> Kind[str]:
    """Make the kind of the address of a cluster's scheduler, or of the path of the file that it writes."""
    return basic.string(
        words="the address of a scheduler, or the path of its file",
        read=lambda value: _cluster(basic.read_string(value).strip()),
        may_be_empty=True,
        shape=shapes.matching(rf"^\s*({_SCHEDULER})\s*$"),
    )
