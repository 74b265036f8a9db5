"""Good input for every reader that `untrusted_readers` holds to its contract, and words of its language."""

import io
import json
import tarfile
import tempfile
import zipfile
from pathlib import Path

import junit_files
from elf_builder import SharedObject
from option_tables import OURS, THEIRS
from stated_wheels import statement_for
from store_entries import filled
from wheel_builder import DIST_INFO, SUFFIX_X86_64, X86_64, build_wheel, default_files, elf, member, tar_of

from matrix_runner.model.platforms import Arch
from matrix_runner.provenance.statement import write_statement
from matrix_runner.report.run_reading import read_run
from matrix_runner.report.summary.report_writers import rendered
from matrix_runner.store.entry_parts import INPUTS, RECORD

SEPARATOR = b"\0\0\0\n"
"""Between the texts of one input."""

_TESTS = Path(__file__).parents[1]
_SDIST_FILES = {"demo-1.0/pyproject.toml": b"[project]\nname = 'demo'\n", "demo-1.0/src/demo.c": b"int demo;\n"}

ZIP_WORDS = (b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"\xff\xff\xff\xff", b"\0\0\0\0", b"../", b"\1\0")
TAR_WORDS = (
    *(b"ustar\x0000", b"ustar  \0", b"././@LongLink", b"././@PaxHeader", b"GNU.sparse.major", b"GNU.sparse.map"),
    *(
        b"17 path=demo.whl\n",
        b"20 size=99999999999\n",
        b"30 GNU.sparse.realsize=9999999\n",
        b"../",
        b"\x80",
        b"\0" * 512,
    ),
    *(b"0", b"1", b"2", b"5", b"L", b"K", b"S", b"x", b"g", b"00000000000", b"77777777777", b"\xff" * 8),
)
ELF_WORDS = (
    *(
        b"\x7fELF\2\1\1",
        b"\x7fELF\1\2\1",
        b"\0" * 8,
        b"\xff" * 8,
        b"\xff\xff",
        b"GNU\0",
        b"GLIBC_2.17",
        b"PyInit__fast",
    ),
    *(number.to_bytes(8, "little") for number in (1, 2, 3, 4, 5, 6, 7, 0x6474E553, 0x6FFFFFFE, 0x6FFFFFFF, 0x6FFFFFF0)),
)
METADATA_WORDS = (
    *(b"Name: demo\n", b"Version: 1.0\n", b"Tag: cp311-cp311-linux_x86_64\n", b"Wheel-Version: 1.0\n", b"sha256="),
    *(b"Root-Is-Purelib: true\n", b"\n\n", b"\r", b"\0", b",", b'"', b"=?utf-8?b?", b"a.b.c.d-a.b.c-a.b.c", SEPARATOR),
)
LOG_WORDS = (
    *(
        b"\x1b[",
        b"\x1b]",
        b"\x1b[31m",
        b"\x9b",
        b"\xc2\x9b",
        b"\r",
        b"\b",
        b"\t",
        b"\n",
        b"::",
        b"##[",
        b"\xe2\x80\x8b",
    ),
    *(
        b"##vso[",
        b"travis_fold:",
        b"section_start:",
        b"--- ",
        b"+++ ",
        b"\xff",
        b"Traceback (most recent call last):\n",
    ),
    *(b"error: ", b'  File "setup.py", line 1\n', b"src/demo.c:1:2: error: x\n", b"FAILED ", b"E   "),
)
XML_WORDS = (
    *(
        b"<testsuite>",
        b"</testsuite>",
        b"<testcase",
        b"/>",
        b'name="',
        b"<failure",
        b"<skipped/>",
        b"<!DOCTYPE",
        b"&#0;",
    ),
    *(b"<![CDATA[", b"]]>", b"<?xml", b'encoding="utf-16"', b"&lt;", b'time="1e999"', b"<system-out>", b"<property"),
)
JSON_WORDS = (
    *(b"[", b"]", b"{", b"}", b'"', b",", b":", b"null", b"true", b"-1", b"1e308", b"1e999", b"9" * 40, b"0.0001"),
    *(b'"\\ud800"', b'"cell"', b'"status"', b'"cp311-manylinux_x86_64"', b"[" * 200, b'{"a":' * 200, b"\\u0000"),
)
TOML_WORDS = (
    *(
        b"[tool.matrix-runner]\n",
        b"[[tool.matrix-runner.overrides]]\n",
        b"select",
        b"= ",
        b'"',
        b"'''",
        b"{",
        b"}",
        b"[",
    ),
    *(
        b"]",
        b".",
        b"nan",
        b"1e400",
        b"\n",
        b"[" * 200,
        b"a." * 200,
        b"$(",
        b"\\u0000",
        b"inherit",
        b"setup(name=",
        b"(",
    ),
)
PROBE_WORDS = (
    b"\t",
    b"\n",
    b"interpreter\t",
    b"tool\t",
    b"elf\t",
    b"cp311-cp311",
    b"installable\t",
    b"[" * 200,
    b"3.11.4",
)
NAME_WORDS = (b"-", b".", b"cp311", b"abi3", b"manylinux_2_17_x86_64", b".whl", b".tar.gz", b"1!", b"+", b"\0", b"/")


def wheels() -> tuple[bytes, ...]:
    """Wheels with code, data, libraries and bills of materials; deflated and stored."""
    document = json.dumps({"components": [{"name": "zlib", "bom-ref": "pkg:deb/zlib#" + "a" * 64}]}).encode()
    files = {
        "demo/data.bin": bytes(range(256)),
        "demo.libs/libz-12345678.so.1": _library(),
        f"{DIST_INFO}/sboms/auditwheel.cdx.json": document,
    }
    with tempfile.TemporaryDirectory() as directory:
        deflated = build_wheel(Path(directory), files=files).read_bytes()
        plain = build_wheel(Path(directory)).read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain)) as source, zipfile.ZipFile(buffer, "w") as stored:
        for info in source.infolist():
            stored.writestr(zipfile.ZipInfo(info.filename), source.read(info))
    return deflated, plain, buffer.getvalue()


def wheel_texts() -> tuple[bytes, ...]:
    """The texts of a wheel, and a module, which a contract makes a wheel of."""
    files = default_files(X86_64)
    texts = [files[f"{DIST_INFO}/{name}"] for name in ("METADATA", "WHEEL")]
    record = f"demo/_fast{SUFFIX_X86_64},sha256={'A' * 43},64\n{DIST_INFO}/RECORD,,\n".encode()
    return SEPARATOR.join([*texts, _library()]), SEPARATOR.join([*texts, elf(), record])


def _library() -> bytes:
    return SharedObject(
        needed=("libc.so.6", "libz.so.1"),
        versions=(("libc.so.6", (("GLIBC_2.2.5", ("memcpy", "free")), ("GLIBC_2.17", ("clock_gettime",)))),),
        plain=("PyLong_FromLong",),
        weak=("__gmon_start__",),
        soname="libdemo.so.1",
        runpath="$ORIGIN/../demo.libs",
        level=4,
        defined=("PyInit__fast", "demo"),
        definitions=("libdemo.so.1", "DEMO_1"),
    ).build()


def elf_files() -> tuple[bytes, ...]:
    """Shared objects and programs of several widths and byte orders."""
    program = SharedObject(interpreter="/lib64/ld-linux-x86-64.so.2", relr=True, kind=2)
    others = (Arch.I686, Arch.S390X, Arch.ARMV7L)
    return (_library(), program.build(), *(SharedObject(arch=arch, plain=("a",), level=2).build() for arch in others))


def archives() -> tuple[bytes, ...]:
    """Archives of a container, each after the byte that says what is expected in it."""
    link = member(X86_64, kind=tarfile.SYMTYPE, link="/etc/passwd")
    forms = (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT)
    return (
        *(b"\x18" + tar_of((f"out/{X86_64}", b"wheel" * 200), form=form) for form in forms),
        b"\x02" + tar_of(("out/.gitignore", b"*"), (f"out/{'d' * 120}/../{X86_64}", b"x"), (link, b"")),
        b"\x01" + tar_of(("out/demo-1.0.tar.gz", b"sdist")),
    )


def sdists() -> tuple[bytes, ...]:
    """Sdists: tars that are compressed by the contract, and a zip."""
    members = tuple(_SDIST_FILES.items())
    link = member("demo-1.0/link.c", kind=tarfile.SYMTYPE, link="src/demo.c")
    copy = member("demo-1.0/copy.c", kind=tarfile.LNKTYPE, link="demo-1.0/src/demo.c")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data)
    return (
        b"\1" + tar_of(*members, (link, b""), (copy, b"")),
        b"\1" + tar_of(*members, (f"demo-1.0/{'n' * 180}", b"x"), form=tarfile.GNU_FORMAT),
        b"\0" + buffer.getvalue(),
    )


def logs() -> tuple[bytes, ...]:
    """Logs of builds and tests that failed, as tools wrote them."""
    folder = _TESTS / "unit/cell/failed_commands"
    return tuple(path.read_bytes()[-2048:] for path in sorted(folder.glob("*.log"))[:24])


def results() -> tuple[bytes, ...]:
    """Results of tests, as runners write them."""
    return tuple(text.encode() for text in (junit_files.PYTEST, junit_files.UNITTEST, junit_files.GOOGLETEST))


def build_files() -> tuple[bytes, ...]:
    """Files that configure a build, each after the byte that names it."""
    config = b"\2[metadata]\nname = demo\n[options]\npython_requires = >=3.9\n[options.extras_require]\ntest = pytest\n"
    script = (
        b"\3from setuptools import setup\nsetup(name='demo', python_requires='>=3.9', extras_require={'test': []})\n"
    )
    return b"\0" + OURS.encode(), b"\0" + THEIRS.encode(), config, script


def surveyed() -> tuple[bytes, ...]:
    """Files of a project that a survey looks into, each after the byte that names it."""
    config, script = build_files()[2:]
    texts = (
        (
            0,
            OURS.encode()
            + b'[tool.setuptools]\npackages = ["demo"]\n[tool.pytest.ini_options]\ntestpaths = ["tests"]\n',
        ),
        (1, script[1:] + b"from setuptools import Extension\nExtension('demo', ['a.c'], libraries=['z', 'ssl'])\n"),
        (2, config[1:]),
        (
            3,
            b"find_package(ZLIB REQUIRED)\npkg_check_modules(A REQUIRED libpng)\npybind11_add_module(demo a.c)\n",
        ),
        (4, b"project('demo', 'c')\ndependency('zlib', required: true)\npy.extension_module('demo', 'a.c')\n"),
        (5, b"#include <zlib.h>\n#define Py_LIMITED_API 0x03090000\nPyMODINIT_FUNC PyInit_demo(void) {}\n"),
        (6, b"[testenv]\ndeps = pytest\ncommands = pytest {posargs}\n"),
        (7, b"import nox\n@nox.session\ndef tests(session):\n    session.run('pytest')\n"),
        (8, b"import numpy as np\nfrom hypothesis import given\ndef test_a(): pass\n"),
        (9, b"Metadata-Version: 2.1\nName: demo\nRequires-Dist: numpy>1\nProvides-Extra: test\n\nText\n"),
        (10, b"jobs:\n  a:\n    env:\n      CIBW_TEST_COMMAND: >-\n        pytest\n    steps:\n      - uses: x\n"),
    )
    return tuple(bytes([number]) + text for number, text in texts)


def recordings() -> tuple[bytes, ...]:
    """Recordings of the events of runs, each shortened by most of its output."""
    found = []
    for path in sorted((_TESTS / "recordings").glob("*.jsonl")):
        lines = path.read_bytes().splitlines(keepends=True)
        found.append(b"".join(line for number, line in enumerate(lines) if b'"output"' not in line or number % 40 == 0))
    return tuple(found)


def reports() -> tuple[bytes, ...]:
    """Reports of the same runs."""
    return tuple(rendered(read_run(path), "json") for path in sorted((_TESTS / "recordings").glob("*.jsonl")))


def statements() -> tuple[bytes, ...]:
    """Statements of provenance."""
    return (write_statement(statement_for(X86_64, "a" * 64)),)


def matrices() -> tuple[bytes, ...]:
    """Documents of `runner matrix`: of one package, and of a workspace."""
    cells = ("cp311-manylinux_x86_64", "cp313t-musllinux_aarch64")
    shard = {"name": "a-1", "number": 1, "count": 1, "machine": "a", "emulators": ["arm"], "cells": cells, "seconds": 1}
    document = {"version": 1, "project": "demo", "sdist": True, "shards": [shard]}
    one = {**document, "project_version": "1.0", "cells": [{"identifier": each, "max_wheel_size": 9} for each in cells]}
    packages = [{"name": name, "project": name, "project_version": "1", "sdist": False} for name in ("core", "plugin")]
    several = [{"identifier": f"{package['name']}:{cell}"} for package in packages for cell in cells]
    return json.dumps(one).encode(), json.dumps({**document, "packages": packages, "cells": several}).encode()


def metadata() -> tuple[bytes, ...]:
    """The metadata of a project: as backends write them, and as few as there can be."""
    many = (
        "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nSummary: x\nLicense-Expression: MIT\nLicense-File: LICENSE\n"
        "Requires-Python: >=3.10\nRequires-Dist: numpy>=2; extra == 'a'\nProvides-Extra: a\nKeywords: a,b\n"
        "Project-URL: home, https://demo.example\nRequires-Dist: other @ https://demo.example/other.whl\n"
        "Classifier: Private :: Do Not Upload\nDescription-Content-Type: text/markdown\n\n# demo\n"
    )
    return (many.encode(), b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")


def entries() -> tuple[bytes, ...]:
    """The records of a cache entry, as they are and sealed."""
    with tempfile.TemporaryDirectory() as directory:
        store, key = filled(Path(directory))
        return tuple((store.path(key) / name).read_bytes() for name in (RECORD, INPUTS))


def probes() -> tuple[bytes, ...]:
    """Answers of images."""
    answer = (
        b"machine\tx86_64\nelf\t7f454c460201010000000000000000000300\nlibc\tmanylinux\nlibc-version\t2.31\npath\t/bin\n"
        b"plat\tmanylinux_2_31_x86_64\ntool\tuv\tuv 0.9\ndirectory\tcp311-cp311\nbroken\tpatchelf\tnot found\n"
        b"interpreter\tcp311-cp311\t3.11.4\tpip,venv\t.cpython-311-x86_64-linux-gnu.so\t26.3\n"
        b'installable\t[{"identifier": "cp312-cp312"}]\ndecided\tMAKEFLAGS\npip-file\t/etc/pip.conf\tindex-url\n'
    )
    return (answer,)


def bills() -> tuple[bytes, ...]:
    """Bills of materials."""
    return (json.dumps({"components": [{"name": "a", "bom-ref": "b#" + "0" * 64, "components": [[{}]]}]}).encode(),)


def names() -> tuple[bytes, ...]:
    """Names of wheels and sdists."""
    return X86_64.encode(), b"demo-1!1.0rc1+local-1build-py2.py3-none-any.whl", b"demo-1.0.tar.gz"
