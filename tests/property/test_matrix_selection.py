"""Laws of selection, against a model that does the same by hand; and of the plan as a whole."""

import re
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st
from planning import settings_with

from matrix_runner import catalog
from matrix_runner.config.kinds.values import ArchChoice, ArchGroup, EnableGroup
from matrix_runner.config.options.image_options import IMAGE, IMAGES
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.selection_options import ARCHS, BUILD, ENABLE, SKIP
from matrix_runner.matrix import Host, Selector, make_plan
from matrix_runner.model.platforms import Arch, Libc

CATALOG = catalog.load()
CELLS = CATALOG.cells
IDENTIFIERS = [str(cell) for cell in CELLS]


@st.composite
def globs(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a pattern made of shell globs and braces, and the regular expression that means the same."""
    atoms = st.sampled_from(
        [
            ("*", ".*"),
            ("?", "."),
            ("[13]", "[13]"),
            ("[!13]", "[^13]"),
            ("cp", "cp"),
            ("3", "3"),
            ("1", "1"),
            ("t", "t"),
            ("-", "-"),
            ("linux_", "linux_"),
            ("many", "many"),
            ("x86_64", "x86_64"),
            ("i686", "i686"),
        ]
    )
    pieces: list[tuple[str, str]] = []
    for _ in range(draw(st.integers(1, 5))):
        if draw(st.integers(0, 3)):
            pieces.append(draw(atoms))
        else:
            options = draw(st.lists(atoms, min_size=2, max_size=3))
            pieces.append((f"{{{','.join(p for p, _ in options)}}}", f"(?:{'|'.join(r for _, r in options)})"))
    return "".join(p for p, _ in pieces), "".join(r for _, r in pieces)


@settings(max_examples=40)
@given(st.lists(globs(), max_size=3))
def test_a_selector_selects_what_its_patterns_mean(drawn: list[tuple[str, str]]) -> None:
    """A cell is selected exactly if one of the patterns, written out as a regular expression, matches it whole."""
    selector = Selector(patterns=tuple(pattern for pattern, _ in drawn))
    for cell in CELLS:
        expected = any(re.fullmatch(expression, str(cell)) for _, expression in drawn)
        assert selector.matches(cell) == expected


@settings(max_examples=40)
@given(st.lists(globs(), max_size=4))
def test_patterns_that_match_nothing_are_known(drawn: list[tuple[str, str]]) -> None:
    """The patterns reported as matching nothing are exactly those that select no cell on their own."""
    patterns = tuple(pattern for pattern, _ in drawn)
    dead = tuple(p for p in patterns if not any(Selector(patterns=(p,)).matches(cell) for cell in CELLS))
    assert Selector(patterns=patterns).unmatched(CELLS) == dead


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["cp39", "cp3{10,11}", "pp*"]), min_size=1, unique=True), st.sampled_from(list(Arch)))
def test_braces_are_the_sum_of_their_alternatives(heads: list[str], arch: Arch) -> None:
    """`{a,b}-x` selects what `a-x` and `b-x` select together, also where `a` has braces of its own."""
    joined = Selector(patterns=(f"{{{','.join(heads)},none}}-*_{arch}",))
    apart = Selector(patterns=tuple(f"{head}-*_{arch}" for head in heads))
    assert [joined.matches(cell) for cell in CELLS] == [apart.matches(cell) for cell in CELLS]


PATTERNS = st.lists(
    globs().map(lambda drawn: drawn[0]) | st.sampled_from(["*", "cp3*", "*-manylinux_*", *IDENTIFIERS]), max_size=3
).map(tuple)
CHOICES: list[ArchChoice] = [*Arch, *ArchGroup]
FAMILIES = ["", "debian", "manylinux2014", "musllinux_1_2", "registry/name:tag", "quay.io/pypa/manylinux_2_28_i686:1"]


@settings(max_examples=40)
@given(
    build=PATTERNS,
    skip=PATTERNS,
    archs=st.lists(st.sampled_from(CHOICES), min_size=1, max_size=3).map(tuple),
    enable=st.lists(st.sampled_from(EnableGroup), max_size=3).map(tuple),
    image=st.sampled_from(FAMILIES),
    x86_image=st.sampled_from(FAMILIES[1:]),
    python=st.sampled_from([None, ">=3.9", ">=2.7,!=3.11.*", "==3.12.*", ">=3.99", "<3"]),
    host=st.builds(
        Host,
        machine=st.sampled_from(Arch),
        libc=st.sampled_from(Libc),
        local=st.none() | st.frozensets(st.sampled_from(["cp311-cp311", "cp39-cp39", "cp27-cp27mu"])),
    ),
)
def test_every_cell_is_a_job_or_left_out_once(
    *,
    build: tuple[str, ...],
    skip: tuple[str, ...],
    archs: tuple[ArchChoice, ...],
    enable: tuple[EnableGroup, ...],
    image: str,
    x86_image: str,
    python: str | None,
    host: Host,
) -> None:
    """Whatever is asked, no cell of the catalog is lost or doubled, order is kept, and every reason says something."""
    platform = next(p for p in IMAGES if p.arch is Arch.X86_64)
    values: dict[Option[object], object] = {
        BUILD: build or ("*",),
        SKIP: skip,
        ARCHS: archs,
        ENABLE: enable,
        IMAGE: image,
        IMAGES[platform]: x86_image,
    }
    plan = make_plan(settings_with(values, requires_python=python), CATALOG, host)
    jobs = [job.cell for job in plan.jobs]
    left = [left.cell for left in plan.left_out]
    assert sorted(map(str, (*jobs, *left))) == sorted(IDENTIFIERS)
    assert jobs == [cell for cell in CELLS if cell in set(jobs)]
    assert left == [cell for cell in CELLS if cell in set(left)]
    assert all(out.reason.strip() for out in plan.left_out)
    skipped = Selector(patterns=skip)
    assert not any(skipped.matches(cell) for cell in jobs)
    assert all((job.image is None) == (host.local is not None) for job in plan.jobs)


@given(st.lists(st.sampled_from(CHOICES), max_size=4), st.lists(st.sampled_from(CHOICES), max_size=4))
def test_architectures_add_up(first: list[ArchChoice], second: list[ArchChoice]) -> None:
    """Two lists of architectures mean together what they mean one by one, on every machine."""
    from matrix_runner.matrix.archs import expand_archs

    for machine, choices in product(Arch, [first]):
        both = expand_archs([*choices, *second], (machine,))
        assert both == expand_archs(choices, (machine,)) | expand_archs(second, (machine,))
