"""The settings of a project's pytest, and the plugins that they, or its tests, need."""

import ast
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from matrix_runner.config.loading.build_files import PYPROJECT
from matrix_runner.survey.project_files import ProjectFiles
from matrix_runner.survey.python_syntax import parsed
from matrix_runner.toml import table_of, texts_of

_BY_OPTION: Final = (
    (re.compile(r"--(no-)?cov|(-p )?pytest_cov$"), "pytest-cov"),
    (re.compile(r"-n$|-n\w+$|--numprocesses|--dist|--maxprocesses|(-p )?xdist$"), "pytest-xdist"),
    (re.compile(r"--benchmark"), "pytest-benchmark"),
    (re.compile(r"--timeout"), "pytest-timeout"),
    (re.compile(r"--asyncio"), "pytest-asyncio"),
    (re.compile(r"--instafail|instafail$"), "pytest-instafail"),
    (re.compile(r"--reruns"), "pytest-rerunfailures"),
    (re.compile(r"--mypy"), "pytest-mypy"),
    (re.compile(r"--flake8"), "pytest-flake8"),
    (re.compile(r"--ruff"), "pytest-ruff"),
    (re.compile(r"--isort"), "pytest-isort"),
    (re.compile(r"--black"), "pytest-black"),
    (re.compile(r"--html"), "pytest-html"),
    (re.compile(r"--json-report"), "pytest-json-report"),
    (re.compile(r"--mpl"), "pytest-mpl"),
    (re.compile(r"--doctest-(plus|rst|ufunc)"), "pytest-doctestplus"),
    (re.compile(r"--randomly"), "pytest-randomly"),
    (re.compile(r"--random-order"), "pytest-random-order"),
    (re.compile(r"--parallel-threads|--iterations"), "pytest-run-parallel"),
    (re.compile(r"--codspeed"), "pytest-codspeed"),
    (re.compile(r"--snapshot"), "syrupy"),
    (re.compile(r"--hypothesis"), "hypothesis"),
)
_BY_SETTING: Final = {
    "asyncio_mode": "pytest-asyncio",
    "asyncio_default_fixture_loop_scope": "pytest-asyncio",
    "timeout": "pytest-timeout",
    "mypy_plugins": "pytest-mypy-plugins",
    "env": "pytest-env",
    "doctest_plus": "pytest-doctestplus",
    "remote_data_strict": "pytest-remotedata",
    "astropy_header": "pytest-astropy-header",
    "text_file_format": "pytest-doctestplus",
}
_BY_MARK: Final = {
    "asyncio": "pytest-asyncio",
    "benchmark": "pytest-benchmark",
    "timeout": "pytest-timeout",
    "flaky": "pytest-rerunfailures",
    "trio": "pytest-trio",
    "remote_data": "pytest-remotedata",
    "forked": "pytest-forked",
    "dependency": "pytest-dependency",
    "mpl_image_compare": "pytest-mpl",
    "freeze_time": "pytest-freezer",
}
_BY_FIXTURE: Final = {
    "mocker": "pytest-mock",
    "benchmark": "pytest-benchmark",
    "event_loop": "pytest-asyncio",
    "aiohttp_client": "pytest-aiohttp",
    "httpserver": "pytest-httpserver",
    "httpbin": "pytest-httpbin",
    "requests_mock": "requests-mock",
    "freezer": "pytest-freezer",
    "snapshot": "syrupy",
    "datadir": "pytest-datadir",
    "faker": "Faker",
    "num_regression": "pytest-regressions",
    "data_regression": "pytest-regressions",
    "ndarrays_regression": "pytest-regressions",
    "subtests": "pytest-subtests",
    "cov": "pytest-cov",
}


class PytestSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A project's settings for pytest. `file`: the one that has them, "" if none has."""

    file: str = ""
    options: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    python_path: tuple[str, ...] = ()
    required_plugins: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()

    def plugins(self) -> frozenset[str]:
        """Return the distributions of plugins without which pytest refuses these settings."""
        by_option = {plugin for word in self.options for option, plugin in _BY_OPTION if option.match(word)}
        by_setting = {plugin for name, plugin in _BY_SETTING.items() if name in self.names}
        return frozenset(by_option | by_setting | set(self.required_plugins))


def read_pytest_settings(files: ProjectFiles) -> PytestSettings:
    """Read them from the file that pytest would take: the first that has such a section."""
    for name, section in (("pytest.ini", "pytest"), (".pytest.ini", "pytest")):
        if name in files:
            return _of_ini(files, name, section) or PytestSettings(file=name)
    return (
        _of_pyproject(files)
        or _of_ini(files, "tox.ini", "pytest")
        or _of_ini(files, "setup.cfg", "tool:pytest")
        or PytestSettings()
    )


def _of_ini(files: ProjectFiles, name: str, section: str) -> PytestSettings | None:
    parser = files.ini(name)
    return _made(name, dict(parser.items(section))) if parser.has_section(section) else None


def _of_pyproject(files: ProjectFiles) -> PytestSettings | None:
    found = table_of(files.pyproject.get("tool")).get("pytest")
    if not isinstance(found, dict):
        return None
    # `[tool.pytest]` itself holds settings since pytest 9.
    table = found.get("ini_options", found)
    return _made(PYPROJECT, table) if isinstance(table, dict) else None


def _made(file: str, table: Mapping[str, object]) -> PytestSettings:
    return PytestSettings(
        file=file,
        options=_words(table.get("addopts")),
        paths=_words(table.get("testpaths")),
        python_path=_words(table.get("pythonpath")),
        required_plugins=_words(table.get("required_plugins")),
        names=frozenset(table),
    )


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return texts_of(value)
    try:
        return tuple(shlex.split(value)) if isinstance(value, str) else ()
    except ValueError:
        return tuple(str(value).split())


def plugins_of_tests(texts: Iterable[str]) -> frozenset[str]:
    """Return the distributions of plugins whose marks and fixtures tests use, and do not define themselves."""
    marks, arguments, defined = set[str](), set[str](), set[str]()
    for text in texts:
        tree = parsed(text)
        marks |= set(re.findall(r"\bpytest\.mark\.(\w+)", text))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                is_fixture = any("fixture" in ast.unparse(each) for each in node.decorator_list)
                if is_fixture:
                    defined.add(node.name)
                if is_fixture or node.name.startswith("test"):
                    arguments |= set(_arguments(node))
    by_mark = {plugin for mark, plugin in _BY_MARK.items() if mark in marks}
    return frozenset(by_mark | {plugin for name, plugin in _BY_FIXTURE.items() if name in arguments - defined})


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Yield the arguments that pytest fills: `patch` and `parametrize` fill others, which have no such names."""
    parametrized = {word for each in node.decorator_list for text in _texts(each) for word in re.split(r"[,\s]+", text)}
    yield from (argument.arg for argument in node.args.args if argument.arg not in parametrized)


def _texts(node: ast.AST) -> Iterator[str]:
    return (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))
