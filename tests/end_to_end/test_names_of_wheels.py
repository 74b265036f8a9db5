"""Names that a wheel has, or shares with another cell's: the delivered file is the one that was tested."""

import zipfile
from pathlib import Path

from image_source import ImageSource
from runner_process import run_build
from sample_projects import extension_project, write_project

OLDER, CELL = "cp39-manylinux_x86_64", "cp311-manylinux_x86_64"

GENERIC = """
import sys
from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

class AnyPython(bdist_wheel):
    def get_tag(self):
        return "py3", "none", super().get_tag()[2]

class PlainName(build_ext):
    def get_ext_filename(self, fullname):
        return fullname.replace(".", "/") + ".so"

open("built_by.py", "w").write("VERSION = %r" % (sys.version_info[:2],))
setup(
    ext_modules=[Extension("libanswer", ["answer.c"])],
    py_modules=["built_by"],
    cmdclass={"bdist_wheel": AnyPython, "build_ext": PlainName},
)
"""

SETTINGS = """
before-build = 'sed -i "s/^name = .answer./name = \\"answer-nightly\\"/" {project}/pyproject.toml'
test-command = 'python -c "import built_by; print(built_by.VERSION)"'

[[tool.matrix-runner.overrides]]
select = "cp39-*"
inherit.before-build = "append"
before-build = "sleep 8"
"""


def test_one_wheel_of_a_name_is_built_by_the_oldest_and_tested_by_all(images: ImageSource, tmp_path: Path) -> None:
    """Two cells make a `py3-none` wheel with different content, under a name that a command of the build has changed.

    The quicker cell gives way. Nothing but wheels is in the output directory.
    """
    files = extension_project(settings=SETTINGS) | {"setup.py": GENERIC}
    project = write_project(tmp_path / "project", files)
    ended = run_build(project, tmp_path / "out", "--jobs", "2", *images.only(OLDER, CELL))
    assert ended.code == 0, ended.output
    (wheel,) = ended.directory.iterdir()
    assert wheel.name.startswith("answer_nightly-1.0-py3-none-manylinux")
    assert zipfile.ZipFile(wheel).read("built_by.py") == b"VERSION = (3, 9)"
    assert (ended.cells[OLDER]["reused_from"], ended.cells[CELL]["reused_from"]) == (None, OLDER)
    for cell in (OLDER, CELL):
        assert "(3, 9)" in (ended.report_directory / "logs" / f"{cell}.log").read_text("utf-8")
    assert f"{OLDER} makes a wheel of the same name" in ended.output
