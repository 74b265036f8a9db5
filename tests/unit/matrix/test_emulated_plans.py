"""Plans on machines with and without emulators: how each cell runs, and the limits that follow."""

import pytest
from planning import settings_with

from matrix_runner import catalog
from matrix_runner.catalog import Catalog
from matrix_runner.config.kinds.selectors import Selector
from matrix_runner.config.loading.layers import Given, Layer, Origin
from matrix_runner.config.options.option import Source
from matrix_runner.config.options.run_options import SILENCE_TIMEOUT, STEP_TIMEOUT
from matrix_runner.config.options.selection_options import ARCHS, BUILD
from matrix_runner.matrix import Execution, Host, Job, explain, make_plan
from matrix_runner.model.platforms import Arch

X86_WITH_S390X = Host(machine=Arch.X86_64, emulated=frozenset({Arch.S390X}))


@pytest.fixture(name="known", scope="module")
def _known() -> Catalog:
    return catalog.load()


def jobs(known: Catalog, host: Host, **limits: int) -> dict[Arch, Job]:
    """Plan a cell for each of four architectures. `limits`: options that the user sets."""
    by_name = {option.name.replace("-", "_"): option for option in (STEP_TIMEOUT, SILENCE_TIMEOUT)}
    settings = settings_with(
        {
            ARCHS: (Arch.X86_64, Arch.I686, Arch.S390X, Arch.RISCV64),
            BUILD: ("cp311-manylinux*",),
            **{by_name[name]: value for name, value in limits.items()},
        }
    )
    return {job.cell.platform.arch: job for job in make_plan(settings, known, host).jobs}


def test_each_job_says_how_it_runs(known: Catalog) -> None:
    """Natively, by an emulator, not at all; of a machine whose emulators are not seen, that it is unknown."""
    here = {arch: job.execution for arch, job in jobs(known, X86_WITH_S390X).items()}
    assert here == {
        Arch.X86_64: Execution.NATIVE,
        Arch.I686: Execution.NATIVE,
        Arch.S390X: Execution.EMULATED,
        Arch.RISCV64: Execution.NONE,
    }
    assert [arch for arch, job in jobs(known, X86_WITH_S390X).items() if job.is_slow] == [Arch.S390X, Arch.RISCV64]
    assert [arch for arch, job in jobs(known, X86_WITH_S390X).items() if job.is_emulated] == [Arch.S390X]
    there = {arch: job.execution for arch, job in jobs(known, Host(machine=Arch.X86_64)).items()}
    assert there[Arch.S390X] is there[Arch.RISCV64] is Execution.UNKNOWN
    assert there[Arch.I686] is Execution.NATIVE


def test_an_emulator_comes_before_a_32_bit_mode() -> None:
    """The kernel asks registered emulators first: armv7l is emulated on an aarch64 machine that has one for it."""
    plain = Host(machine=Arch.AARCH64, emulated=frozenset())
    registered = Host(machine=Arch.AARCH64, emulated=frozenset({Arch.ARMV7L}))
    assert (plain.execution(Arch.ARMV7L), registered.execution(Arch.ARMV7L)) == (Execution.NATIVE, Execution.EMULATED)
    assert not registered.lacks_emulator(Arch.ARMV7L)


def test_without_containers_nothing_is_emulated() -> None:
    """The local engine runs this machine's own Pythons, whatever its kernel has registered."""
    host = Host(machine=Arch.X86_64, local=frozenset({"cp311-cp311"}), emulated=frozenset({Arch.S390X}))
    assert not any(host.emulates(arch) for arch in Arch)


def test_default_limits_are_longer_under_emulation(known: Catalog) -> None:
    """Five hours in place of two, two of silence in place of a half; longer too where it cannot be seen."""
    here = jobs(known, X86_WITH_S390X)
    assert (here[Arch.X86_64].settings[STEP_TIMEOUT], here[Arch.X86_64].settings[SILENCE_TIMEOUT]) == (7200, 1800)
    assert (here[Arch.S390X].settings[STEP_TIMEOUT], here[Arch.S390X].settings[SILENCE_TIMEOUT]) == (18000, 7200)
    assert str(here[Arch.S390X].settings.origin(STEP_TIMEOUT)) == "default under emulation"
    there = jobs(known, Host(machine=Arch.X86_64))
    assert there[Arch.S390X].settings[STEP_TIMEOUT] == 18000


@pytest.mark.parametrize("seconds", [0, 600, STEP_TIMEOUT.default])
def test_a_limit_that_the_user_sets_is_for_all_cells(known: Catalog, seconds: int) -> None:
    """Even none, and one that equals the default: what was set stays; the option that was not set does not."""
    settings = jobs(known, X86_WITH_S390X, step_timeout=seconds)[Arch.S390X].settings
    assert settings[STEP_TIMEOUT] == seconds
    assert settings[SILENCE_TIMEOUT] == SILENCE_TIMEOUT.emulated_default


def test_an_override_of_one_cell_leaves_the_other_its_default(known: Catalog) -> None:
    """Of two emulated cells the one that an override selects has its limit, and the default of the other option."""
    given = Given(name=STEP_TIMEOUT.name, value=60, origin=Origin(source=Source.OVERRIDE, text="test"))
    base = settings_with({ARCHS: (Arch.S390X,)})
    layers = (
        Layer(
            given=tuple(Given(name=one.name, value=one.value, origin=one.origin) for one in base.resolved if one.rank)
        ),
        Layer(given=(given,), select=Selector(patterns=("cp311-*",))),
    )
    settings = type(base)(resolved=base.resolved, layers=layers)
    limits = {
        str(job.cell.interpreter): (job.settings[STEP_TIMEOUT], job.settings[SILENCE_TIMEOUT])
        for job in make_plan(settings, known, X86_WITH_S390X).jobs
    }
    assert limits["cp311"] == (60, 7200)
    assert limits["cp312"] == (18000, 7200)


def test_explain_tells_the_same_limits(known: Catalog) -> None:
    """`runner explain` answers for the cell as it would run."""
    answer = explain("cp311-manylinux_s390x", settings_with(), known, X86_WITH_S390X)
    assert answer.settings[STEP_TIMEOUT] == STEP_TIMEOUT.emulated_default
    native = explain("cp311-manylinux_x86_64", settings_with(), known, X86_WITH_S390X)
    assert native.settings[STEP_TIMEOUT] == STEP_TIMEOUT.default
