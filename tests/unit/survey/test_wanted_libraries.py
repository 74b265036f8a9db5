"""Libraries of the system that builds look for: by the words of setup.py, CMake, Meson, and by C's own includes."""

from pathlib import Path

import pytest
from surveyed import surveyed

SETUP = "from setuptools import Extension, setup\n"


def packages(directory: Path, files: dict[str, str]) -> set[str]:
    """Return the packages that are needed, by their names on Debian; `?name` for what no table knows."""
    found = surveyed(directory, files).system
    return {str(each.package.apt) if each.package else f"?{each.wanted[0].name}" for each in found}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('setup(ext_modules=[Extension("a", ["a.c"], libraries=["lz4", "m"])])', {"liblz4-dev"}),
        ('libs = ["yaml"]\nlibs += ["z"]\nlibs.append("ffi")\n', {"libyaml-dev", "zlib1g-dev", "libffi-dev"}),
        ('Extension("a", ["a.c"], extra_link_args=["-lssl", "-Wl,-O1"])', {"libssl-dev"}),
        # Other systems' branches: by the name of the platform, also if it has a name of its own.
        ('import sys\nif sys.platform == "win32":\n    libs = ["lz4"]\nelse:\n    libs = ["yaml"]\n', {"libyaml-dev"}),
        ('import os\nWINDOWS = os.name == "nt"\nlibs = ["z"]\nif not WINDOWS:\n    libs += ["lz4"]\n', None),
        ('import os\nWINDOWS = os.name == "nt"\nif WINDOWS:\n    libs = ["lz4"]\n', set()),
        ('import sys\nif sys.platform in ("darwin", "win32"):\n    libs = ["lz4"]\n', set()),
        ('import sys\nif not sys.platform.startswith("linux"):\n    libs = ["lz4"]\n', set()),
        ('import platform\nif platform.system() != "Linux":\n    libs = ["lz4"]\n', set()),
        # Programs, and pkg-config's modules: of a command line, of a text, of a function's arguments.
        ('subprocess.run(["curl-config", "--libs"])', {"libcurl4-openssl-dev"}),
        ('subprocess.run(["pkg-config", "--libs", "libfoo"])', {"?libfoo"}),
        ('def pkg_config(*words): ...\npkg_config("--cflags", "fuse3")', {"libfuse3-dev"}),
        ('subprocess.run("pkg-config --cflags libpcsclite", shell=True)', {"libpcsclite-dev"}),
        # Libraries that setuptools builds itself, and directories.
        ('setup(libraries=[("own", {"sources": ["own.c"]})], library_dirs=["lib"])', set()),
        ('setup(libraries=["not there"])', set()),
        ('Extension("a", ["a.c"], libraries=["unheardof"])', {"?unheardof"}),
        ("def broken(:\n    libs = ['lz4']", set()),
    ],
)
def test_setup_py(script: str, expected: set[str] | None, tmp_path: Path) -> None:
    """A script is read, not run: what it names is found wherever Linux can come to."""
    wanted = {"zlib1g-dev", "liblz4-dev"} if expected is None else expected
    assert packages(tmp_path, {"setup.py": SETUP + script}) == wanted


def test_a_script_of_cffi(tmp_path: Path) -> None:
    """Its libraries and the headers in its C source count, in whichever file it is."""
    script = 'ffi.set_source("_x", "#include <sodium.h>", libraries=["sodium"])\n'
    assert packages(tmp_path, {"setup.py": SETUP, "src/bind/build_it.py": script}) == {"libsodium-dev"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("find_package(ZLIB REQUIRED)\nfind_package(Python REQUIRED)\nfind_package(pybind11)", {"zlib1g-dev"}),
        ("# find_package(ZLIB)\nfind_package(Nothing)\nfind_package(Something REQUIRED)", {"?Something"}),
        ("pkg_check_modules(X REQUIRED IMPORTED_TARGET fuse3>=3.2)", {"libfuse3-dev"}),
        ("if(WIN32)\nfind_package(ZLIB)\nelse()\nfind_package(JPEG)\nendif()", {"libjpeg-dev"}),
        ("if(NOT WIN32)\nfind_library(X NAMES ev libev)\nendif()", {"libev-dev"}),
        ("if(APPLE)\nif(X)\nfind_package(ZLIB REQUIRED)\nendif()\nendif()", set()),
    ],
)
def test_cmake(text: str, expected: set[str], tmp_path: Path) -> None:
    """What other systems need, and what a compiler or the build's requirements bring, is not needed."""
    assert packages(tmp_path, {"CMakeLists.txt": f"project(x)\n{text}"}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dependency('dbus-1', version: '>=1.6')", {"libdbus-1-dev"}),
        ("dependency('unheard-of', required: false)\ndependency('python3')\ndependency('threads')", set()),
        ("dependency('unheard-of')", {"?unheard-of"}),
        (
            "if host_machine.system() == 'windows'\ndependency('zlib')\nelse\ncc.find_library('yaml')\nendif",
            {"libyaml-dev"},
        ),
        ("if host_machine.system() != 'windows'\ndependency('libjpeg')\nendif", {"libjpeg-dev"}),
        ("dependency('zlib', fallback: ['zlib', 'zlib_dep'])", set()),
    ],
)
def test_meson(text: str, expected: set[str], tmp_path: Path) -> None:
    """A dependency that is a subproject is brought along."""
    files = {"meson.build": f"project('x')\n{text}", "subprojects/zlib/meson.build": "project('zlib')"}
    assert packages(tmp_path, files) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.c", "#include <lz4.h>\n#include <stdio.h>", {"liblz4-dev"}),
        ("a.h", "#ifndef A_H\n#define A_H\n#include <libxml/tree.h>\n#endif", {"libxml2-dev"}),
        ("a.c", "#include <stdio.h>\n#ifdef HAVE_LZ4\n#include <lz4.h>\n#endif", set()),
        ("a.c", "/*\n#include <lz4.h>\n*/", set()),
        ("a.pyx", 'cdef extern from "gmp.h":\n    pass', {"libgmp-dev"}),
        ("tests/a.c", "#include <lz4.h>", set()),
        ("third_party/x/a.c", "#include <lz4.h>", set()),
        ("vendored-x/a.c", "#include <lz4.h>", set()),
    ],
)
def test_includes(name: str, text: str, expected: set[str], tmp_path: Path) -> None:
    """A header that is included in any case is needed; other projects' code and tests say nothing."""
    assert packages(tmp_path, {"setup.py": SETUP, name: text}) == expected


def test_a_choice_that_the_build_has_made(tmp_path: Path) -> None:
    """What build files define is compiled in any case; its other branch is not."""
    chosen = "#ifdef HAVE_SASL\n#include <sasl/sasl.h>\n#else\n#include <lz4.h>\n#endif\n"
    text = f"#include <stdio.h>\n{chosen}#include <yaml.h>"
    files = {"setup.py": SETUP, "setup.cfg": "[_ldap]\ndefines = HAVE_SASL HAVE_TLS\n", "a.c": text}
    assert packages(tmp_path, files) == {"libsasl2-dev", "libyaml-dev"}


def test_a_library_that_the_project_brings_is_not_installed(tmp_path: Path) -> None:
    """Its own headers are its own choice of a version, unless it says in so many words that it links another."""
    maybe = {"setup.py": f"{SETUP}if X:\n    libs = ['lz4']\n", "lz4libs/lz4.h": ""}
    assert packages(tmp_path / "maybe", maybe) == set()
    header = {"setup.py": f"{SETUP}if X:\n    libs = ['krb5']\n", "vendored/krb5/krb5.h": ""}
    assert packages(tmp_path / "header", header) == set()
    program = {"setup.py": f"{SETUP}if X:\n    run('krb5-config --libs')\n", "vendored/krb5/krb5.h": ""}
    assert packages(tmp_path / "program", program) == {"libkrb5-dev"}
    package = {"setup.py": f"{SETUP}if X:\n    libs = ['krb5']\n", "src/krb5/__init__.py": "", "src/krb5/own.h": ""}
    assert packages(tmp_path / "package", package) == {"libkrb5-dev"}
    sure = {"setup.py": f"{SETUP}libs = ['lz4']\n", "lz4libs/lz4.h": ""}
    assert packages(tmp_path / "sure", sure) == {"liblz4-dev"}


def test_a_project_in_the_project_is_left_to_itself(tmp_path: Path) -> None:
    """A directory that is a project of CMake's own below another one is a library that the build brings.

    What that cannot do without is needed all the same, if the build adds it.
    """
    files = {
        "CMakeLists.txt": "project(top)\n",
        "soxlib/CMakeLists.txt": "project(soxlib)\nfind_package(ZLIB REQUIRED)\nfind_package(JPEG)",
        "soxlib/a.c": "#include <lz4.h>",
    }
    assert packages(tmp_path / "apart", files) == set()
    files["CMakeLists.txt"] += "add_subdirectory(soxlib)"
    assert packages(tmp_path / "added", files) == {"zlib1g-dev"}


def test_a_subproject_that_is_built_in_any_case(tmp_path: Path) -> None:
    """Its dependencies are the build's; those of one that only stands in for a missing library are not."""
    files = {
        "meson.build": "project('a')\nsubproject('own')\ndependency('png', fallback: 'png')",
        "subprojects/own/meson.build": "project('own')\ndependency('glib-2.0')",
        "subprojects/png/meson.build": "project('png')\ndependency('zlib')",
    }
    assert packages(tmp_path, files) == {"libglib2.0-dev"}
