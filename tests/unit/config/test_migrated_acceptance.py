"""`accept` in a migrated table: only where the old table's own commands deliver a wheel as it was built."""

from pathlib import Path

import pytest

from matrix_runner.config.loading.loading import load
from matrix_runner.config.migration.migration import migrate
from matrix_runner.config.migration.unrepaired import delivers_as_built
from matrix_runner.config.options.build_options import ACCEPT
from matrix_runner.model.cells import Cell
from matrix_runner.model.checks import Accepted, Check

UNREPAIRED = (Accepted(check=Check.UNREPAIRED),)
GLIBC, MUSL = (Cell.parse(f"cp312-{libc}_x86_64") for libc in ("manylinux", "musllinux"))


@pytest.mark.parametrize(
    ("command", "is_as_built"),
    [
        ("", True),
        ("cp {wheel} {dest_dir}", True),
        ("mv -v '{wheel}' \"{dest_dir}\"/", True),
        ("cp {wheel} -t {dest_dir}/", True),
        ("auditwheel show {wheel} && cp {wheel} {dest_dir}", True),
        ("auditwheel repair -w {dest_dir} {wheel} || cp {wheel} {dest_dir}", True),
        ("if [ $RAW ]; then cp {wheel} {dest_dir}; else auditwheel repair -w {dest_dir} {wheel}; fi", True),
        ("auditwheel repair -w {dest_dir} {wheel}", False),
        ("auditwheel repair --plat {plat} -w '{dest_dir}' '{wheel}'", False),
        ("cp {wheel} /tmp && auditwheel repair -w {dest_dir} {wheel}", False),
        ("cp {wheel} {dest_dir}/x.whl.orig", False),
        ("python {project}/repair.py {wheel} {dest_dir}", False),
        ("scp {wheel} {dest_dir}", False),
    ],
)
def test_commands_that_deliver_a_wheel_as_it_was_built(command: str, is_as_built: bool) -> None:  # noqa: FBT001
    """An empty command and one that copies the wheel do; of a script nothing is assumed."""
    assert delivers_as_built(command) is is_as_built


@pytest.mark.parametrize(
    ("table", "glibc", "musl"),
    [
        ("", (), ()),
        ("repair-wheel-command = 'auditwheel repair -w {dest_dir} {wheel}'", (), ()),
        ("repair-wheel-command = ''", UNREPAIRED, UNREPAIRED),
        ("repair-wheel-command = ['auditwheel show {wheel}', 'mv {wheel} {dest_dir}']", UNREPAIRED, UNREPAIRED),
        ("linux.repair-wheel-command = ''", UNREPAIRED, UNREPAIRED),
        ("macos.repair-wheel-command = ''", (), ()),
        ("repair-wheel-command = ''\nlinux.repair-wheel-command = 'x {wheel} {dest_dir}'", (), ()),
        ("overrides = [{ select = '*-musllinux*', repair-wheel-command = '' }]", (), UNREPAIRED),
        ("overrides = [{ select = '*-win*', repair-wheel-command = '' }]", (), ()),
        (
            "repair-wheel-command = ''\noverrides = [{ select = '*-musllinux*', repair-wheel-command = 'x {wheel}' }]",
            UNREPAIRED,
            (),
        ),
        (
            "overrides = [{ select = '*', inherit.repair-wheel-command = 'append', repair-wheel-command = '' }]",
            (),
            (),
        ),
    ],
)
def test_accepted_where_it_is_delivered(
    tmp_path: Path, table: str, glibc: tuple[Accepted, ...], musl: tuple[Accepted, ...]
) -> None:
    """Each cell accepts an unrepaired wheel if its own repair command leaves one, and else refuses it."""
    migration = migrate(f"[tool.cibuildwheel]\n{table}\n")
    (tmp_path / "pyproject.toml").write_text(migration.text)
    settings = load(tmp_path, environ={}, flags={})
    assert (settings.for_cell(GLIBC)[ACCEPT], settings.for_cell(MUSL)[ACCEPT]) == (glibc, musl)
    told = [note for note in migration.notes if "accept" in note]
    assert bool(told) is ("accept" in migration.text)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_it_stands_below_the_command(newline: str) -> None:
    """Comments keep their places: those that end a table are about the next one."""
    lines = ("[tool.cibuildwheel]", "repair-wheel-command = ''  # none", "", "# there", "[tool.cibuildwheel.linux]")
    text = newline.join((*lines, "skip = 'pp*'"))
    _, _, new = migrate(text).text.partition("[tool.matrix-runner]")
    assert new.partition(lines[1])[2].split(newline) == [
        "",
        'accept = ["unrepaired"]',
        "",
        "# there",
        "[tool.matrix-runner.linux]",
        "skip = 'pp*'",
        "",
    ]
