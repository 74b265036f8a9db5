"""Wheels that would bring, or need, another C library than musl: real compilers and linkers, and auditwheel."""

from pathlib import Path

import pytest
from image_source import ImageSource
from runner_process import run_build
from sample_projects import extension_project, write_project

pytestmark = pytest.mark.own_images

_MUSL_BY_ITS_OWN_NAME = "/usr/bin/gcc -shared -specs /usr/lib/x86_64-linux-musl/musl-gcc.specs"
_GLIBC = "/usr/bin/gcc -shared -nostdlib -Wl,--no-as-needed -L/usr/lib/x86_64-linux-gnu -l:libc.so.6"


@pytest.mark.parametrize(
    ("linker", "code", "words"),
    [
        (_MUSL_BY_ITS_OWN_NAME, 5, (" is musl itself (needed by answer.cpython-313", "libc.musl-x86_64.so.1")),
        (_GLIBC, 1, ("answer.cpython-313-x86_64-linux-musl.so is linked with glibc (libc.so.6)", "CC and CXX")),
    ],
    ids=["grafted", "foreign"],
)
def test_a_wheel_for_another_c_library(
    images: ImageSource, tmp_path: Path, linker: str, code: int, words: tuple[str, ...]
) -> None:
    """Auditwheel grafts the one in silence, and sees no code in the other; the run says what it is and what to do."""
    settings = f'environment = {{ LDSHARED = "{linker}" }}'
    project = write_project(tmp_path / "project", extension_project("answer", settings=settings))
    ended = run_build(project, tmp_path / "out", *images.only("cp313-musllinux_x86_64"))
    assert ended.code == code, ended.output
    assert ended.wheels == ()
    for told in words:
        assert told in ended.output
