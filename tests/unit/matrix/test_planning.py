"""Planning: what each setting does to the matrix, and what is said of the cells that are left out."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace
from planning import engine_with, settings_with

from matrix_runner import catalog
from matrix_runner.catalog import Catalog
from matrix_runner.config.kinds.values import ArchGroup, BuildFrontend, EnableGroup, Frontend
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import BEFORE_ALL, BUILD_FRONTEND, ENVIRONMENT, ENVIRONMENT_PASS
from matrix_runner.config.options.image_options import IMAGE, IMAGES
from matrix_runner.config.options.option import Option, Source
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.config.options.selection_options import ARCHS, BUILD, ENABLE, SKIP
from matrix_runner.config.options.test_options import TEST_ENVIRONMENT
from matrix_runner.errors import ConfigError, NothingSelected, UsageError
from matrix_runner.matrix import Host, Plan, explain, make_plan
from matrix_runner.matrix.archs import expand_archs
from matrix_runner.matrix.image_choice import ImageChoice, NoImage, image_of
from matrix_runner.matrix.unmet_requests import wants_containers
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch, Platform

X86 = Host(machine=Arch.X86_64)
MANY64 = Platform.parse("manylinux_x86_64")
MANY32 = Platform.parse("manylinux_i686")
MUSL64 = Platform.parse("musllinux_x86_64")


@pytest.fixture(name="known", scope="module")
def _known() -> Catalog:
    return catalog.load()


def plan_of(
    known: Catalog,
    values: Mapping[Option[object], object] | None = None,
    *,
    host: Host = X86,
    requires_python: str | None = None,
) -> Plan:
    """Plan with the default settings but for these."""
    return make_plan(settings_with(values, requires_python=requires_python), known, host)


def identifiers(plan: Plan) -> list[str]:
    """Return the identifiers of the jobs."""
    return [str(job.cell) for job in plan.jobs]


def reason(plan: Plan, identifier: str) -> str:
    """Return why a cell is left out."""
    (found,) = (left.reason for left in plan.left_out if str(left.cell) == identifier)
    return found


@pytest.mark.parametrize(
    ("machine", "auto", "auto32", "auto64"),
    [
        (Arch.X86_64, {Arch.X86_64, Arch.I686}, {Arch.I686}, {Arch.X86_64}),
        (Arch.I686, {Arch.I686}, {Arch.I686}, set()),
        (Arch.AARCH64, {Arch.AARCH64}, {Arch.ARMV7L}, {Arch.AARCH64}),
        (Arch.ARMV7L, {Arch.ARMV7L}, {Arch.ARMV7L}, set()),
        (Arch.PPC64LE, {Arch.PPC64LE}, set(), {Arch.PPC64LE}),
        (Arch.S390X, {Arch.S390X}, set(), {Arch.S390X}),
        (Arch.RISCV64, {Arch.RISCV64}, set(), {Arch.RISCV64}),
    ],
)
def test_what_auto_means_on_each_machine(machine: Arch, auto: set[Arch], auto32: set[Arch], auto64: set[Arch]) -> None:
    """`auto` is what the machine surely runs itself: both widths on x86_64, one on all others."""
    assert expand_archs([ArchGroup.AUTO], (machine,)) == auto
    assert expand_archs([ArchGroup.AUTO32], (machine,)) == auto32
    assert expand_archs([ArchGroup.AUTO64], (machine,)) == auto64
    assert expand_archs([ArchGroup.NATIVE], (machine,)) == {machine}
    assert expand_archs([ArchGroup.ALL], (machine,)) == set(Arch)
    assert expand_archs([Arch.S390X, ArchGroup.NATIVE], (machine,)) == {Arch.S390X, machine}
    assert expand_archs([], (machine,)) == set()


def test_the_default_is_every_width_of_this_machine(known: Catalog) -> None:
    """With nothing configured, x86_64 and i686 of every supported CPython are built, in the catalog's order."""
    names = identifiers(plan_of(known))
    assert {"cp311-manylinux_x86_64", "cp311-manylinux_i686", "cp311-musllinux_i686", "cp314t-manylinux_x86_64"} <= {
        *names
    }
    assert not [name for name in names if name.startswith(("cp2", "cp38", "cp313t", "pp", "gp"))]
    assert {name.partition("linux_")[2] for name in names} == {"x86_64", "i686"}
    order = [str(cell) for cell in known.cells]
    assert names == sorted(names, key=order.index)


def test_each_reason_names_the_option_that_decides(known: Catalog) -> None:
    """Every cell that is left out says which setting did it, and where that setting was made."""
    plan = plan_of(
        known,
        {BUILD: ("cp3*", "pp*"), SKIP: ("cp312-*",), IMAGE: "manylinux2014"},
        requires_python=">=3.10",
    )
    assert reason(plan, "cp311-manylinux_s390x") == "archs = auto (default), here x86_64 i686, does not include it"
    assert reason(plan, "cp27mu-manylinux_x86_64") == "build = cp3* pp* (test: build) does not match it"
    assert reason(plan, "cp312-manylinux_x86_64") == "skip = cp312-* (test: skip) matches it"
    assert reason(plan, "pp311-manylinux_x86_64") == "it needs enable = pypy"
    assert reason(plan, "cp38-manylinux_x86_64") == "it needs enable = eol"
    assert reason(plan, "cp39-manylinux_x86_64") == "requires-python = >=3.10 (test: requires-python) excludes it"
    assert "manylinux2014 makes manylinux wheels only (image: test: image)" in reason(plan, "cp311-musllinux_x86_64")
    assert "cp311-manylinux_x86_64" in identifiers(plan)


def test_the_first_reason_is_the_one_a_person_would_give(known: Catalog) -> None:
    """A cell that fails several questions is told the first, beginning with the machine."""
    plan = plan_of(known, {BUILD: ("none",), SKIP: ("*",)}, requires_python=">=4")
    assert reason(plan, "cp27m-manylinux_i686").startswith("build")
    assert reason(plan, "cp311-manylinux_s390x").startswith("archs")
    assert reason(plan, "cp311-manylinux_x86_64").startswith("build")


@pytest.mark.parametrize(
    ("requires", "built", "excluded"),
    [
        (">=3.10", {"cp310", "cp311"}, {"cp39"}),
        (">=3.10.5", {"cp310"}, {"cp39"}),
        (">3.10,<3.12", {"cp310", "cp311"}, {"cp39", "cp312"}),
        ("~=3.11", {"cp311", "cp312"}, {"cp310"}),
        ("!=3.11.*", {"cp310", "cp312"}, {"cp311"}),
        ("<=3.11.4", {"cp310"}, {"cp311", "cp312"}),
        ("", {"cp39", "cp315"}, set()),
    ],
)
def test_requires_python_is_asked_for_the_last_patch_release(
    known: Catalog, requires: str, built: set[str], excluded: set[str]
) -> None:
    """A version counts as supported by its X.Y.99, so that `>=3.10.5` does not lose 3.10."""
    names = {name.partition("-")[0] for name in identifiers(plan_of(known, requires_python=requires))}
    assert built <= names
    assert not excluded & names


@pytest.mark.parametrize(
    ("group", "added"),
    [
        (EnableGroup.EOL, {"cp27m", "cp27mu", "cp35", "cp36", "cp37", "cp38", "cp313t"}),
        (EnableGroup.PYPY, {"pp311", "pp312"}),
        (EnableGroup.PYPY_EOL, {"pp39", "pp310"}),
        (EnableGroup.GRAALPY, {"gp312_250", "gp313_253"}),
    ],
)
def test_a_group_adds_its_interpreters(known: Catalog, group: EnableGroup, added: set[str]) -> None:
    """`enable` adds the group's interpreters and nothing else; `all` adds those of every group."""

    def tags(*groups: EnableGroup) -> set[str]:
        return {str(job.cell.interpreter) for job in plan_of(known, {ENABLE: groups}).jobs}

    assert tags(group) - tags() == added
    assert tags() <= tags(group)
    assert added <= tags(EnableGroup.ALL)


def test_on_the_machine_itself_only_what_it_has(known: Catalog) -> None:
    """The local engine leaves out cells of other platforms, and of interpreters that are not here, and says so."""
    host = Host(machine=Arch.X86_64, local=frozenset({"cp311-cp311", "pp311-pypy311_pp73"}))
    plan = plan_of(known, {ENABLE: (EnableGroup.PYPY,)}, host=host)
    assert identifiers(plan) == ["cp311-manylinux_x86_64", "pp311-manylinux_x86_64"]
    assert all(job.image is None for job in plan.jobs)
    assert reason(plan, "cp311-manylinux_i686") == "container-engine = local: this machine runs manylinux_x86_64 only"
    assert reason(plan, "cp311-musllinux_x86_64") == "container-engine = local: this machine runs manylinux_x86_64 only"
    assert reason(plan, "cp312-manylinux_x86_64") == "container-engine = local: no cp312 on this machine"


def test_an_image_that_cannot_have_an_interpreter_leaves_it_out(known: Catalog) -> None:
    """`--image debian` plans only the interpreters that our own images can be given."""
    plan = plan_of(known, {IMAGE: "debian", ENABLE: (EnableGroup.ALL,), SKIP: ("*musllinux*",)})
    tags = {str(job.cell.interpreter) for job in plan.jobs}
    newest = {"cp314", "cp314t", "cp315", "cp315t"}
    assert tags == {"cp27m", "cp27mu", "cp39", "cp311", "cp313", "cp313t", "pp311"} | newest
    narrow = {str(job.cell.interpreter) for job in plan.jobs if job.cell.platform.arch is Arch.I686}
    assert narrow == tags - newest - {"pp311"}
    assert reason(plan, "cp312-manylinux_x86_64") == "image debian cannot have its interpreter (image: test: image)"
    foreign = plan_of(known, {IMAGE: "debian", ARCHS: (Arch.S390X,)})
    assert "does not exist for musllinux_s390x" in reason(foreign, "cp311-musllinux_s390x")


def test_a_pattern_that_matches_nothing_is_a_warning(known: Catalog) -> None:
    """A misspelt pattern is named with its place and the nearest identifier; right ones are not, nor other systems'."""
    plan = plan_of(known, {BUILD: ("cp311-manylinux_x86-64", "cp39-*"), SKIP: ("*win32", "*x86_46")})
    first, second = plan.warnings
    assert "build: the pattern cp311-manylinux_x86-64 (test: build)" in first
    assert "did you mean cp311-manylinux_x86_64?" in first
    assert "skip: the pattern *x86_46 (test: skip) matches no known identifier" in second


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {ENVIRONMENT: (("PIP_CONSTRAINT", "x"), ("PIP_PRE", "1"))},
            "uv does not read PIP_CONSTRAINT in environment, PIP_PRE in environment: pip installs what wheels",
        ),
        (
            {TEST_ENVIRONMENT: (("PIP_NO_INDEX", "1"),)},
            "uv does not read PIP_NO_INDEX in test-environment: tests are installed by pip",
        ),
        (
            {ENVIRONMENT_PASS: ("PIP_INDEX_URL",)},
            "uv does not read PIP_INDEX_URL in environment-pass: pip installs what",
        ),
        (
            {CONTAINER_ENGINE: engine_with("--env=PIP_INDEX_URL=x")},
            "uv does not read PIP_INDEX_URL in create-args: pip installs what",
        ),
        (
            {ENVIRONMENT: (("PIP_PRE", "1"),), BUILD_FRONTEND: BuildFrontend(name=Frontend.UV)},
            "build-frontend is uv, and uv does not read PIP_PRE in environment",
        ),
        (
            {ENVIRONMENT: (("PIP_CONSTRAINT", "x"),), BUILD_FRONTEND: BuildFrontend(name=Frontend.PIP)},
            "pip 26.2 and later does not hold a build to PIP_CONSTRAINT in environment",
        ),
        ({ENVIRONMENT: (("PIP_PRE", "1"),), BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD)}, None),
        ({ENVIRONMENT: (("PIP_CACHE_DIR", "x"),)}, None),
    ],
)
def test_who_installs_is_told_with_the_reason(
    known: Catalog, values: Mapping[Option[object], object], line: str | None
) -> None:
    """A plan has one line on each choice between uv and pip that a variable decides, or that leaves one unheeded."""
    warnings = plan_of(known, {BUILD: ("cp31?-manylinux_x86_64",), **values}).warnings
    assert [warning[: len(line or "")] for warning in warnings] == ([] if line is None else [line])
    told = explain("cp311-manylinux_x86_64", settings_with(values), known, X86).remarks
    assert [remark[: len(line or "")] for remark in told] == ([] if line is None else [line])


def test_pyodides_frontend_is_refused_only_where_it_would_build(known: Catalog) -> None:
    """A Linux cell with it is a mistake, which names the cell; cells that are not planned may have it."""
    pyodide = BuildFrontend(name=Frontend.BUILD, for_pyodide=True)
    with pytest.raises(ConfigError, match='build-frontend = "pyodide-build" cannot build cp311-manylinux_x86_64'):
        plan_of(known, {BUILD: ("cp311-manylinux_x86_64",), BUILD_FRONTEND: pyodide})
    assert plan_of(known, {SKIP: ("*",), BUILD_FRONTEND: pyodide}).jobs == ()


def test_nothing_selected_names_the_nearest(known: Catalog) -> None:
    """An empty plan is an error that names likely cells, why they are out, and where to look."""
    settings = settings_with({BUILD: ("cp38-manylinux_x86_64",)})
    with pytest.raises(NothingSelected) as caught:
        make_plan(settings, known, X86).require_jobs(settings)
    assert "cp38-manylinux_x86_64" in caught.value.message
    assert "it needs enable = eol" in caught.value.message
    assert caught.value.hint is not None
    assert "runner plan" in caught.value.hint
    full = settings_with()
    make_plan(full, known, X86).require_jobs(full)


@pytest.mark.parametrize(
    ("values", "source", "host", "unmet"),
    [
        # A cell by name on the command line, beside one that can be built.
        ({BUILD: ("cp311-manylinux_x86_64", "cp38-manylinux_x86_64"), SKIP: ("cp38*",)}, Source.FLAG, X86, "cp38-many"),
        ({BUILD: ("cp3{11,12}-manylinux_x86_64",), SKIP: ("cp312*",)}, Source.FLAG, X86, "cp312-many"),
        ({BUILD: ("cp311-manylinux_x86_64", "cp311-manylinux_i686")}, Source.FLAG, "local", "cp311-manylinux_i686 is"),
        # A file is for every machine, and patterns select from what there is.
        ({BUILD: ("cp311-manylinux_x86_64", "cp311-manylinux_i686")}, Source.FILE, "local", None),
        ({BUILD: ("cp311-*",)}, Source.FLAG, "local", None),
        # An architecture by name of which nothing is left.
        ({ARCHS: (Arch.X86_64, Arch.I686)}, Source.FLAG, "local", "archs = i686 "),
        ({ARCHS: (Arch.X86_64, Arch.I686)}, Source.FILE, "local", None),
        ({ARCHS: (ArchGroup.ALL,)}, Source.FLAG, "local", None),
        ({ARCHS: (Arch.X86_64, Arch.RISCV64), IMAGE: "manylinux_2_39"}, Source.FILE, X86, "archs = x86_64 "),
        # An image by name that no cell fits: with short names, and with one that tells its architecture.
        ({IMAGES[MANY64]: "manylinux_2_39"}, Source.FILE, X86, "manylinux-x86_64-image = manylinux_2_39 "),
        ({IMAGES[MUSL64]: "manylinux_2_28"}, Source.FILE, X86, "musllinux-x86_64-image = manylinux_2_28 "),
        ({IMAGES[MANY64]: "reg/manylinux_2_28_i686:1"}, Source.FILE, X86, "manylinux-x86_64-image = reg/manylinux_2"),
        ({IMAGES[Platform.parse("manylinux_ppc64le")]: "manylinux_2_39"}, Source.FILE, X86, None),
        ({IMAGES[MANY64]: "manylinux_2_34"}, Source.FILE, X86, None),
    ],
)
def test_what_was_asked_for_by_name_is_not_left_out(
    known: Catalog, values: Mapping[Option[object], object], source: Source, host: Host | str, unmet: str | None
) -> None:
    """A name that the plan cannot meet is a mistake, although other cells could be built."""
    here = Host(machine=Arch.X86_64, local=frozenset({"cp311-cp311"})) if isinstance(host, str) else host
    settings = settings_with(values, source=source)
    plan = make_plan(settings, known, here)
    assert plan.jobs
    if unmet is None:
        assert plan.unmet == ()
        plan.require_jobs(settings)
        return
    assert len(plan.unmet) == 1
    assert plan.unmet[0].startswith(unmet)
    with pytest.raises(UsageError, match=re.escape(unmet)):
        plan.require_jobs(settings)


@pytest.mark.parametrize(
    ("values", "plat", "wanted"),
    [
        ({}, "", []),
        ({IMAGE: "debian"}, "", ["image = debian (test: image)"]),
        ({IMAGES[MANY64]: "reg/own:1"}, "", ["manylinux-x86_64-image = reg/own:1 (test: manylinux-x86_64-image)"]),
        ({IMAGES[MANY32]: "manylinux2014"}, "", []),
        # Inside an image: its own name is met, another's is not, and of a reference nobody knows.
        ({IMAGES[MANY64]: "manylinux2014"}, "manylinux2014_x86_64", []),
        ({IMAGES[MANY64]: "reg/own:1"}, "manylinux_2_28_x86_64", []),
        (
            {IMAGES[MANY64]: "manylinux_2_34"},
            "manylinux_2_28_x86_64",
            ["manylinux-x86_64-image = manylinux_2_34 (test"],
        ),
        ({ARCHS: (Arch.X86_64, Arch.I686)}, "", ["archs = i686 (test: archs)"]),
        ({ARCHS: (ArchGroup.AUTO,)}, "", []),
        ({BEFORE_ALL: "yum install -y x"}, "", ["before-all (test: before-all)"]),
    ],
)
def test_what_this_machine_itself_cannot_give(
    values: Mapping[Option[object], object], plat: str, wanted: list[str]
) -> None:
    """`auto` must not end as this machine's own Pythons where something else was asked for."""
    settings = settings_with(values)
    found = list(wants_containers(settings, machine=MANY64, plat=plat, runs_before_all=False))
    assert len(found) == len(wanted)
    assert all(one.startswith(start) for one, start in zip(found, wanted, strict=True))
    if BEFORE_ALL in values:
        assert not list(wants_containers(settings, machine=MANY64, plat=plat, runs_before_all=True))


def chosen_image(
    platform: Platform, settings: Settings, known: Catalog, host: Host = X86, python: str = "cp311"
) -> ImageChoice | NoImage:
    """Choose an image for a cell of the platform."""
    return image_of(Cell.parse(f"{python}-{platform}"), settings, known, host)


def choice(platform: Platform, settings: Settings, known: Catalog) -> ImageChoice:
    """Choose an image where there is one."""
    chosen = chosen_image(platform, settings, known)
    assert isinstance(chosen, ImageChoice), chosen
    return chosen


def test_a_short_name_is_the_image_of_each_architecture(known: Catalog) -> None:
    """By default each platform has its own image of a known family, with the digest that the catalog pins."""
    settings = settings_with()
    for platform, part in ((MANY64, "_x86_64@"), (MANY32, "_i686@"), (MUSL64, "_x86_64@")):
        chosen = choice(platform, settings, known)
        assert chosen.family is not None
        assert part in chosen.reference
        assert chosen.origin == f"{IMAGES[platform].name}: default"


def test_in_a_drop_in_a_short_name_of_other_architectures_is_an_image(known: Catalog) -> None:
    """As there: a name that it pins no image of for this architecture is taken as it is; its own pins it knows."""
    settings = replace(settings_with({IMAGES[MANY64]: "manylinux_2_39"}), is_drop_in=True)
    assert choice(MANY64, settings, known).reference == "manylinux_2_39"
    pinned = replace(settings_with({IMAGES[MANY64]: "manylinux_2_34"}), is_drop_in=True)
    assert choice(MANY64, pinned, known).reference.startswith("quay.io/pypa/manylinux_2_34_x86_64@")
    assert isinstance(chosen_image(MANY64, settings_with({IMAGES[MANY64]: "manylinux_2_39"}), known), NoImage)


def test_a_platforms_own_image_beats_the_common_one(known: Catalog) -> None:
    """In one layer `manylinux-x86_64-image` wins over `image`; the other platforms get the common one."""
    settings = settings_with({IMAGE: "manylinux2014", IMAGES[MANY64]: "manylinux_2_34"})
    assert "manylinux_2_34_x86_64" in choice(MANY64, settings, known).reference
    assert "manylinux2014_i686" in choice(MANY32, settings, known).reference
    assert isinstance(chosen_image(MUSL64, settings, known), NoImage)


def test_the_flag_for_all_platforms_beats_the_file(known: Catalog) -> None:
    """`--image X` stands above what the file says of one platform."""
    file = settings_with({IMAGES[MANY64]: "manylinux_2_34"})
    flag = settings_with({IMAGE: "debian"}, source=Source.FLAG)
    by_name = {setting.name: replace(setting, rank=2) for setting in flag.resolved}
    resolved = tuple(by_name[s.name] if s.name == IMAGE.name else s for s in file.resolved)
    assert choice(MANY64, Settings(resolved=resolved), known).reference == "matrix-runner/manylinux_2_31_x86_64"


def test_an_image_made_here_is_the_first_of_its_name_that_fits(known: Catalog) -> None:
    """By interpreter; and by whether the machine emulates the architecture, under which nothing is compiled."""
    settings = settings_with({IMAGE: "debian"})
    arm = Platform.parse("manylinux_aarch64")

    def reference(platform: Platform, python: str, host: Host) -> str:
        chosen = chosen_image(platform, settings, known, host, python)
        return chosen.reason if isinstance(chosen, NoImage) else chosen.reference.removeprefix("matrix-runner/")

    assert reference(MANY64, "cp313", X86) == "manylinux_2_31_x86_64"
    assert reference(MANY64, "pp311", X86) == "manylinux_2_41_x86_64"
    assert reference(arm, "cp311", X86) == "manylinux_2_36_aarch64"
    assert reference(arm, "cp311", Host(machine=Arch.AARCH64)) == "manylinux_2_31_aarch64"
    assert reference(arm, "cp313", X86) == "manylinux_2_41_aarch64"
    assert reference(arm, "cp314", X86).startswith(
        "image debian for aarch64 under emulation cannot have its interpreter"
    )
    assert reference(Platform.parse("manylinux_armv7l"), "cp39", Host(machine=Arch.AARCH64)) == "manylinux_2_31_armv7l"


@pytest.mark.parametrize(
    ("reference", "fitting"),
    [
        ("quay.io/pypa/manylinux_2_28_i686:2024-01-01", {MANY32}),
        ("quay.io/pypa/manylinux2014_x86_64", {MANY64}),
        ("quay.io/pypa/musllinux_1_2_x86_64@sha256:" + "0" * 64, {MUSL64}),
        ("localhost:5000/manylinux_2_28_x86_64", {MANY64}),
        ("registry.example/team/builder:5", {MANY64, MANY32, MUSL64}),
        ("my/manylinux_2_28_x86_64_with_lz4:1", {MANY64, MANY32, MUSL64}),
        ("manylinux_2_28_mips:1", {MANY64, MANY32}),
    ],
)
def test_a_telling_reference_is_for_its_platform(known: Catalog, reference: str, fitting: set[Platform]) -> None:
    """A full name that plainly names a platform leaves out the others; any other name is taken at its word."""
    settings = settings_with({IMAGE: reference})
    for platform in (MANY64, MANY32, MUSL64):
        chosen = chosen_image(platform, settings, known)
        assert isinstance(chosen, ImageChoice) == (platform in fitting), platform
        if isinstance(chosen, ImageChoice):
            assert (chosen.reference, chosen.family) == (reference, None)
        else:
            assert reference in chosen.reason
            assert "image: test: image" in chosen.reason


_PLAN_EVERYTHING = """
import json, socket, sys
opened = []
class Refusing(socket.socket):
    def __init__(self, *a, **k):
        opened.append("socket")
        super().__init__(*a, **k)
socket.socket = Refusing
from pathlib import Path
from matrix_runner import catalog
from matrix_runner.config.loading.loading import load
from matrix_runner.matrix import Host, make_plan
from matrix_runner.model.platforms import Arch
settings = load(Path(sys.argv[1]), environ={}, flags={"archs": ("all",), "enable": ("all",)})
known = catalog.load()
plan = make_plan(settings, known, Host(machine=Arch.X86_64))
loaded = [name for name in ("docker", "rich", "requests", "urllib3") if name in sys.modules]
print(json.dumps([len(plan.jobs), len(known.cells), loaded, opened]))
"""


def test_planning_everything_needs_no_engine(tmp_path: Path) -> None:
    """Planning all interpreters on all architectures loads no Docker SDK and opens no socket."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "demo"\nversion = "1"\n')
    done = subprocess.run(
        [sys.executable, "-c", _PLAN_EVERYTHING, str(tmp_path)], check=True, capture_output=True, text=True
    )
    jobs, cells, loaded, opened = json.loads(done.stdout)
    assert jobs > 150
    assert jobs <= cells
    assert (loaded, opened) == ([], [])


@pytest.mark.parametrize(
    ("frontend", "variables", "note"),
    [
        (Frontend.BUILD, (("PIP_CONSTRAINT", "c.txt"),), "PIP_CONSTRAINT in environment: the requirements of builds"),
        (Frontend.BUILD, (("PIP_PRE", "1"),), None),
        (Frontend.AUTO, (("PIP_CONSTRAINT", "c.txt"),), None),
        (Frontend.BUILD, (), None),
    ],
)
def test_constraints_that_hold_are_told(
    known: Catalog, frontend: Frontend, variables: tuple[tuple[str, str], ...], note: str | None
) -> None:
    """Whoever pins by pip's variable reads that it is heeded, where no warning says that it is not."""
    values = {BUILD_FRONTEND: BuildFrontend(name=frontend), ENVIRONMENT: variables}
    notes = plan_of(known, values).notes
    assert [text.startswith(note or "") for text in notes] == [True] * (note is not None)
