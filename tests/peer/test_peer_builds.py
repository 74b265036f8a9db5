"""Our own build frontend beside `build`, on sdists of the index with all kinds of backends: the same wheels."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from frontend_bench import Bench, open_bench
from index_sdists import fetch_sdists
from peer_tool import environ

PACKAGES = (
    # setuptools, with C, C++, Cython, cffi, pybind11, numpy, plug-ins, in-tree backends; and without pyproject.toml
    *("MarkupSafe", "simplejson", "wrapt", "xxhash", "setproctitle", "websockets", "msgpack", "immutables"),
    *(
        "multidict",
        "frozenlist",
        "propcache",
        "yarl",
        "bitarray",
        "lru-dict",
        "kiwisolver",
        "cymem",
        "psutil",
        "coverage",
    ),
    *("charset-normalizer", "numexpr", "Bottleneck", "requests", "pluggy", "setuptools-scm", "pybase64", "zstandard"),
    # hatchling and its plug-ins, flit, poetry, pdm, uv, meson-python, scikit-build-core, maturin
    *("attrs", "iniconfig", "hatchling", "hatch-vcs", "platformdirs", "flit-core", "packaging", "tomli", "poetry-core"),
    *("rich", "tomlkit", "pdm-backend", "editables", "meson-python", "contourpy", "pybind11", "nanobind", "rpds-py"),
)


@pytest.fixture(name="sdists", scope="module")
def _sdists(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return fetch_sdists(tmp_path_factory.mktemp("sdists") / "index", PACKAGES, environ=environ())


@pytest.fixture(name="bench", scope="module")
def _bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with open_bench("cp313-manylinux_x86_64", ("debian",), tmp_path_factory.mktemp("bench")) as bench:
        yield bench


@pytest.mark.containers
@pytest.mark.parametrize("name", PACKAGES)
def test_the_wheels_are_the_same(bench: Bench, sdists: dict[str, Path], name: str) -> None:
    """In every byte; or neither can build it."""
    bench.put(sdists[name])
    theirs, text = bench.build("build")
    ours, said = bench.build("uv")
    assert (theirs == 0) is (ours == 0), f"{text}\n{said}"
    assert theirs or bench.difference("build", "uv") == ""
