"""The cell that a wheel is of, by its name."""

import pytest

from matrix_runner.wheelhouse.wheel_cells import cell_of
from matrix_runner.wheelhouse.wheel_name import parse_name


@pytest.mark.parametrize(
    ("tags", "cell"),
    [
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp311-manylinux_x86_64"),
        ("cp313-cp313t-musllinux_1_2_i686", "cp313t-musllinux_i686"),
        ("cp37-cp37m-manylinux1_x86_64", "cp37-manylinux_x86_64"),
        ("cp27-cp27mu-manylinux2010_i686", "cp27mu-manylinux_i686"),
        ("cp27-cp27m-manylinux2010_i686", "cp27m-manylinux_i686"),
        ("cp39-abi3-manylinux_2_28_aarch64", "cp39-manylinux_aarch64"),
        ("cp39.cp310-abi3-manylinux_2_28_aarch64", "cp39-manylinux_aarch64"),
        ("cp315-abi3.abi3t-manylinux_2_28_x86_64", "cp315-manylinux_x86_64"),
        ("cp315-abi3t-manylinux_2_28_x86_64", "cp315t-manylinux_x86_64"),
        ("pp311-pypy311_pp73-manylinux_2_28_x86_64", "pp311-manylinux_x86_64"),
        # Not repaired: of glibc, as most are.
        ("cp311-cp311-linux_x86_64", "cp311-manylinux_x86_64"),
        # Of no cell that can be told.
        ("py3-none-any", None),
        ("py3-none-manylinux_2_28_x86_64", None),
        ("cp311-cp311-win_amd64", None),
        ("cp311-cp311-macosx_11_0_arm64", None),
        ("cp311-cp311-manylinux_2_28_m68k", None),
    ],
)
def test_the_cell_of_a_wheel(tags: str, cell: str | None) -> None:
    """By interpreter, ABI and platform tags, as each kind of wheel has them."""
    found = cell_of(parse_name(f"demo-1.0-{tags}.whl"))
    assert (None if found is None else str(found)) == cell
