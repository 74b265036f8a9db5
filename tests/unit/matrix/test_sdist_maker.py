"""The cell in whose container the sdist is built."""

import pytest
from planning import job_for

from matrix_runner.catalog import load
from matrix_runner.errors import UsageError
from matrix_runner.matrix.host import Host
from matrix_runner.matrix.sdist_maker import sdist_maker
from matrix_runner.model.platforms import Arch

CATALOG = load()
HERE = Host(machine=Arch.X86_64)


@pytest.mark.parametrize(
    ("cells", "maker"),
    [
        ("cp39-manylinux_x86_64 cp313-manylinux_x86_64 cp311-manylinux_x86_64", "cp311-manylinux_x86_64"),
        # A free-threaded one, another implementation and an emulated one only for want of others.
        ("cp313t-manylinux_x86_64 cp312-manylinux_x86_64", "cp312-manylinux_x86_64"),
        ("pp311-manylinux_x86_64 cp39-manylinux_x86_64", "cp39-manylinux_x86_64"),
        ("cp313-manylinux_aarch64 cp39-manylinux_x86_64", "cp39-manylinux_x86_64"),
        ("cp313t-manylinux_x86_64 pp311-manylinux_x86_64", "cp313t-manylinux_x86_64"),
        ("cp27-manylinux_x86_64 pp311-manylinux_aarch64", "pp311-manylinux_aarch64"),
        # Of several alike the first of the plan.
        ("cp313-manylinux_i686 cp313-manylinux_x86_64", "cp313-manylinux_i686"),
    ],
)
def test_a_python_that_build_tools_are_made_for(cells: str, maker: str) -> None:
    """CPython with the GIL, without emulation, the newest but one."""
    jobs = [job_for(cell.replace("cp27-", "cp27mu-"), CATALOG) for cell in cells.split()]
    assert str(sdist_maker(jobs, HERE).cell) == maker


def test_no_interpreter_can() -> None:
    """For Python 2.7 and 3.6 there is no frontend that makes one."""
    with pytest.raises(UsageError, match=r"Python 3\.7 or newer"):
        sdist_maker([job_for("cp27mu-manylinux_x86_64", CATALOG)], None)
