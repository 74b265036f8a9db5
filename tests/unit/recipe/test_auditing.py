"""When a wheel is audited, by what, and what is made of the answer."""

from collections.abc import Iterable

import pytest
from msgspec.structs import replace
from planning import job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.kinds.values import DependencyVersions, VersionSource
from matrix_runner.config.options.build_options import AUDIT_COMMAND, AUDIT_REQUIRES, DEPENDENCY_VERSIONS
from matrix_runner.recipe.after_build.auditing import read_audit
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.step import Step

CATALOG = catalog.load()
CELL = "cp39-manylinux_x86_64"
ABI3 = "demo-1.0-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
PLAIN = "demo-1.0-cp39-cp39-manylinux_2_17_x86_64.whl"
FREE = "demo-1.0-cp315-abi3t-manylinux_2_17_x86_64.whl"
BOTH = "check {wheel} && abi3audit {abi3_wheel}"


def recipe(directories: tuple[str, ...], *, tools: tuple[str, ...] = ("uv",), **values: object) -> CellRecipe:
    """Return a recipe in an image with these interpreters; `command` and `requires` are of the audit."""
    options = {"command": AUDIT_COMMAND, "requires": AUDIT_REQUIRES, "versions": DEPENDENCY_VERSIONS}
    settings = settings_with({options[name]: value for name, value in values.items()})
    made = recipe_for(job_for(CELL, CATALOG, settings), tools=tools)
    return replace(made, tools=replace(made.tools, facts=replace(made.tools.facts, directories=directories)))


def scripts(steps: Iterable[Step]) -> list[str]:
    """Return what a shell would be told."""
    return [step.shown for step in steps]


@pytest.mark.parametrize(
    ("wheel", "command", "expected"),
    [
        (ABI3, AUDIT_COMMAND.default, f"abi3audit --strict --report /matrix/repaired/{ABI3}"),
        (PLAIN, AUDIT_COMMAND.default, None),
        (FREE, AUDIT_COMMAND.default, None),
        (PLAIN, "check {wheel} {project}", f"check /matrix/repaired/{PLAIN} /project"),
        (PLAIN, BOTH, f"check /matrix/repaired/{PLAIN}"),
        (ABI3, BOTH, f"check /matrix/repaired/{ABI3} && abi3audit /matrix/repaired/{ABI3}"),
        (PLAIN, "cd {project} && abi3audit {abi3_wheel}", None),
        (ABI3, "", None),
    ],
)
def test_what_is_audited(wheel: str, command: str, expected: str | None) -> None:
    """`{wheel}` means every wheel, `{abi3_wheel}` those of the stable ABI; nothing to do makes no environment."""
    steps = list(recipe(("cp313-cp313",), command=command).audit(wheel))
    assert [step.shown for step in steps[1:]] == ([] if expected is None else [expected])
    assert len(steps) == (0 if expected is None else 2)
    assert [step.is_verdict for step in steps] == [False, True][: len(steps)]


@pytest.mark.parametrize(
    ("directories", "tools", "beginning"),
    [
        (("cp27-cp27mu", "cp39-cp39", "cp310-cp310", "cp39-cp39"), ("uv",), "uv venv --quiet --no-project --python"),
        (("cp310-cp310", "cp313-cp313t", "pp311-pypy311_pp73"), (), "/opt/python/cp310-cp310/bin/python -I -m venv"),
    ],
)
def test_the_newest_plain_python_audits(directories: tuple[str, ...], tools: tuple[str, ...], beginning: str) -> None:
    """Of all that the image has, whatever the cell's own is: 3.10 is newer than 3.9, and 3.13t is not plain."""
    made = recipe(directories, tools=tools)
    create, _ = scripts(made.audit(ABI3))
    assert create.startswith(beginning)
    assert "/opt/python/cp310-cp310/bin/python" in create
    assert "-c /matrix/constraints.txt abi3audit" in create
    assert made.why_not_audited(ABI3) is None


@pytest.mark.parametrize("directories", [("cp39-cp39", "cp27-cp27mu"), ("pp311-pypy311_pp73",)])
def test_an_image_that_cannot_audit_says_so(directories: tuple[str, ...]) -> None:
    """Without a Python for abi3audit nothing fails that nobody asked for, but the user is told."""
    made = recipe(directories)
    assert list(made.audit(ABI3)) == []
    assert "not audited" in (made.why_not_audited(ABI3) or "")
    assert made.why_not_audited(PLAIN) is None


def test_what_a_user_requires_is_tried_with_what_there_is() -> None:
    """Their auditor may run on an old Python; its version is theirs to say, whatever we have pinned."""
    made = recipe(("cp39-cp39",), requires=("abi3audit==0.0.9",), command="abi3audit {wheel}")
    create, _ = scripts(made.audit(PLAIN))
    assert create.endswith("/matrix/audit-environment/bin/python abi3audit==0.0.9")
    assert made.why_not_audited(PLAIN) is None


def test_the_newest_auditor_if_so_asked() -> None:
    """With the newest of all tools there is no constraint on the default auditor either."""
    versions = DependencyVersions(source=VersionSource.LATEST)
    create, _ = scripts(recipe(("cp313-cp313",), versions=versions).audit(ABI3))
    assert create.endswith("/bin/python abi3audit")


RESULT = '"baseline": "3.9", "computed": "%s", "non_abi3_symbols": %s, "future_abi3_objects": %s'
REPORT = (
    'noise\n{"specs": {"/m/demo.whl": {"kind": "wheel", "wheel": [{"name": "a.abi3.so", "result": {"is_abi3": %s, '
    '"is_abi3_baseline_compatible": %s, ' + RESULT + "}}]}}}\n1 extensions scanned\n"
)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (
            REPORT % ("false", "true", "3.9", '["_PyB", "_PyA"]', "{}"),
            "a.abi3.so uses _PyA, _PyB, not of the stable ABI",
        ),
        (
            REPORT % ("true", "false", "3.11", "[]", '{"PyBuffer_Release": "3.11"}'),
            "a.abi3.so needs the stable ABI of 3.11, its tag says 3.9: PyBuffer_Release (3.11)",
        ),
        (
            REPORT % ("false", "true", "3.9", '["a", "b", "c", "d", "e", "f", "g"]', "{}"),
            "a.abi3.so uses a, b, c, d, e and 2 more, not of the stable ABI",
        ),
        (REPORT % ("true", "true", "3.9", "[]", "{}"), ""),
        ('{"specs": {"demo.whl": 1}}', ""),
        ('{"specs": {"/m/demo', ""),
        ("", ""),
    ],
)
def test_the_report_of_abi3audit_is_put_into_words(report: str, expected: str) -> None:
    """The failure names file and symbols; what is no such report is left to whoever looks for the telling line."""
    assert "; ".join(read_audit(report.encode()).complaints) == expected


def test_an_entry_point_that_the_auditor_does_not_know() -> None:
    """abi3audit 0.0.26 takes `PyModExport_name` (PEP 793) for a foreign symbol; alone it is no complaint."""
    alone = read_audit((REPORT % ("false", "true", "3.15", '["PyModExport_a", "PyModExport_b"]', "{}")).encode())
    assert (alone.complaints, alone.hooks) == ((), ("PyModExport_a", "PyModExport_b"))
    assert alone.passes_all_the_same
    beside = read_audit((REPORT % ("false", "true", "3.15", '["PyModExport_a", "_PyC"]', "{}")).encode())
    assert beside.complaints == ("a.abi3.so uses _PyC, not of the stable ABI",)
    assert not beside.passes_all_the_same
    later = read_audit((REPORT % ("false", "false", "3.16", '["PyModExport_a"]', "{}")).encode())
    assert not later.passes_all_the_same
    assert not read_audit(b"").passes_all_the_same
