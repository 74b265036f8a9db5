"""The text of `runner inspect`: a wheel's verdict, supported distributions and obstacles, in words."""

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec
from packaging.version import Version

from matrix_runner.catalog.distributions import Destination, Distribution, destinations
from matrix_runner.catalog.policies import number_of
from matrix_runner.model.platforms import Libc
from matrix_runner.policy.analysis import Analysis, Verdict
from matrix_runner.policy.c_libraries import NAMES
from matrix_runner.policy.demands import Demand, DemandKind, Rung
from matrix_runner.policy.elf_reading.elf import Binary
from matrix_runner.policy.libraries import Provider
from matrix_runner.policy.library_wording import lost_libraries, missing_library, shortened, undefined_version

_FEW = 4
_ALL = 1_000_000
_HARD_SPACE = "\N{NO-BREAK SPACE}"


class Paragraph(msgspec.Struct, frozen=True, kw_only=True):
    """A paragraph: a label for the margin, its text, and whether it calls for action."""

    label: str
    text: str
    is_warning: bool = False


def describe(analysis: Analysis, distributions: tuple[Distribution, ...], *, verbose: bool) -> tuple[Paragraph, ...]:
    """Return the analysis in paragraphs, verdict first. `verbose`: all details, not only those that call for action."""
    lines = list(_verdicts(analysis, distributions, verbose=verbose))
    lines += _oddities(analysis)
    if analysis.unlisted:
        text = f"{shortened(path.rpartition('/')[2] for path in analysis.unlisted)}: grafted, and not in its SBOM"
        lines.append(Paragraph(label="not listed", text=text, is_warning=True))
    elif verbose and analysis.wheel.bill is None and analysis.wheel.contents.grafted_files:
        lines.append(Paragraph(label="not listed", text="it has no SBOM, which would list what is grafted"))
    if verbose:
        lines += (Paragraph(label="SBOM", text=path) for path in analysis.wheel.contents.sboms)
        lines += (Paragraph(label="file", text=_file(binary)) for binary in analysis.wheel.binaries)
    return tuple(lines)


def lay_out(lines: tuple[Paragraph, ...], width: int) -> Iterator[tuple[Paragraph, str, str]]:
    """Wrap paragraphs to a width; yield each line's paragraph, margin and text."""
    margin = max((len(line.label) for line in lines), default=0) + 4
    for line in lines:
        words = textwrap.wrap(line.text, max(width - margin, 20), subsequent_indent="  ", break_on_hyphens=False)
        for number, text in enumerate(words):
            label = line.label if number == 0 else ""
            yield line, f"  {label:{margin - 2}}", text.replace(_HARD_SPACE, " ")


def phrase(demands: Iterable[Demand], few: int = _FEW) -> tuple[str, ...]:
    """Return demands as phrases (the need, and its files), grouped by need, newest version first."""
    ordered = sorted(demands, key=lambda each: (_weight(each), each.what, each.library, each.file), reverse=True)
    return tuple(
        _phrase(tuple(group), few)
        for _, group in groupby(ordered, key=lambda each: (each.kind, each.what, each.library))
    )


def _weight(demand: Demand) -> tuple[bool, bool, tuple[int, ...]]:
    """Sort key: missing libraries first, then symbols of the C library, then newer versions."""
    kind, _, number = demand.what.partition("_")
    return demand.kind is DemandKind.LIBRARY, kind == "GLIBC", number_of(number) or ()


def _phrase(demands: tuple[Demand, ...], few: int) -> str:
    first = demands[0]
    files = shortened(sorted({each.file for each in demands}), few)
    symbols = shortened(sorted({_cut(symbol) for each in demands for symbol in each.symbols}), few)
    match first.kind:
        case DemandKind.LIBRARY:
            return f"{first.what}, needed by {files}"
        case DemandKind.VERSION:
            return f"{first.what} of {first.library}{f' ({symbols})' if symbols else ''}, in {files}"
        case DemandKind.SYMBOL:
            return f"{symbols} of {first.what}, which not every {first.what} has, in {files}"
        case DemandKind.INSTRUCTIONS:
            return f"instructions of {first.what}, in {files}"
        case DemandKind.RELOCATIONS:
            return f"packed relative relocations (DT_RELR), which older ones than {first.what} do not know, in {files}"


def _cut(symbol: str) -> str:
    return symbol if len(symbol) <= 60 else f"{symbol[:57]}..."


def _verdicts(analysis: Analysis, distributions: tuple[Distribution, ...], *, verbose: bool) -> Iterator[Paragraph]:
    tags = analysis.platform_tags
    if not analysis.verdicts:
        if tags == ("any",):
            yield Paragraph(label="installs on", text="any platform: there is no machine code in it")
        elif analysis.other_linux_tags:
            text = f"its tags say {', '.join(tags)}: Linux on an architecture whose promises are not known here"
            yield Paragraph(label="not judged", text=text, is_warning=True)
        else:
            yield Paragraph(label="not for Linux", text=f"its tags say {', '.join(tags)}", is_warning=True)
        return
    if "any" in tags:
        yield Paragraph(label="tag", text="says any platform, but there is machine code in it", is_warning=True)
    for verdict in analysis.verdicts:
        yield from _verdict(verdict, distributions, analysis, verbose=verbose)


def _verdict(
    verdict: Verdict, distributions: tuple[Distribution, ...], analysis: Analysis, *, verbose: bool
) -> Iterator[Paragraph]:
    if verdict.is_foreign:
        text = f"{verdict.platform} by its tags, where none of its code can be loaded: it is for another machine"
        yield Paragraph(label="broken promise", text=text, is_warning=True)
        return
    found = destinations(distributions, verdict.platform, verdict.needs)
    if verdict.tagged is None:
        yield from _unrepaired(verdict, found, analysis.undetected)
    else:
        yield from _tagged(verdict, verdict.tagged, found)
    if verdict.grantable.is_extrapolated:
        text = f"auditwheel 6.8 knows no platform that new: repair leaves linux_{verdict.platform.arch} in place"
        yield Paragraph(label="no policy", text=text, is_warning=verdict.tagged is None)
    if verdict.impossible:
        text = f"{'; '.join(phrase(verdict.impossible))}: no platform tag promises that"
        yield Paragraph(label="fits no tag", text=text, is_warning=True)
    for number, rung in enumerate(rung for rung in verdict.rungs if rung.policy is not None):
        if verbose or number == 0:
            yield from _rung(rung, verdict.platform.libc, verbose=verbose)
    yield from _libraries(verdict, analysis, verbose=verbose)


def _tagged(verdict: Verdict, tagged: Version, found: tuple[Destination, ...]) -> Iterator[Paragraph]:
    is_true = verdict.grantable.version <= tagged
    is_loadable = is_true and not verdict.impossible
    yield Paragraph(
        label="installs on" if is_loadable and verdict.needs == tagged else "works on", text=_system(verdict)
    )
    yield _which(found)
    libc = NAMES[verdict.platform.libc]
    if not is_true:
        text = f"its tag lets it in from {libc} {tagged} on, where its code cannot be loaded"
        yield Paragraph(label="broken promise", text=text, is_warning=True)
    elif not is_loadable:
        text = f"its tag lets it in on systems from {libc} {tagged} on that do not have all of it"
        yield Paragraph(label="broken promise", text=text, is_warning=True)
    elif verdict.could_be_lower:
        yield Paragraph(label="could be", text=f"{verdict.policy}: its code needs nothing newer than that has")
    if verdict.platform.libc is Libc.MUSL:
        seen = "cannot be seen" if verdict.loader is None else "cannot be seen beyond that"
        text = f"musl's symbols have no versions, so which musl the code needs {seen}"
        if is_true and verdict.needs > tagged:
            text = f"it is let in from {libc} {tagged} on, for no tag says {verdict.needs}; {text}"
        yield Paragraph(label="by its tag", text=text)


def _unrepaired(verdict: Verdict, found: tuple[Destination, ...], undetected: str | None) -> Iterator[Paragraph]:
    text = "nothing but what it was built on, to be sure: its tag names no C library, and the package index refuses it"
    yield Paragraph(label="installs on", text=text, is_warning=True)
    if any(each.name == "libc.so" and each.provider is Provider.MISSING for each in verdict.libraries):
        yield Paragraph(label="repaired", text="it cannot be: see what is missing", is_warning=True)
        return
    if verdict.platform.libc is Libc.MUSL:
        yield Paragraph(
            label="repaired", text="it gets the tag of the musl that it was built with; its code does not say which"
        )
        return
    if undetected is not None:
        text = f"only with a platform named (`auditwheel repair --plat`): {undetected} links no C library to tell it by"
        yield Paragraph(label="repaired", text=text, is_warning=True)
    yield Paragraph(label="repaired", text=f"it could be {verdict.grantable}, which is {_system(verdict)}")
    yield _which(found)


def _system(verdict: Verdict) -> str:
    pip = f", with pip {verdict.pip} or newer" if verdict.pip else ""
    return f"{NAMES[verdict.platform.libc]} {verdict.needs} or newer, {verdict.platform.arch}{pip}"


def distributions_text(found: tuple[Destination, ...]) -> str:
    """Return distributions in words: those with releases, each from which one on, then the rolling ones."""
    fixed = ", ".join(_names(each for each in found if each.release is not None))
    rolling = ", ".join(_names(each for each in found if each.release is None))
    parts = ([f"from {fixed} on"] if fixed else []) + ([rolling] if rolling else [])
    return "; ".join(parts) or "no distribution that is known here"


def _which(found: tuple[Destination, ...]) -> Paragraph:
    return Paragraph(label="which is", text=distributions_text(found))


def _names(found: Iterable[Destination]) -> Iterator[str]:
    """Yield the names of distributions; those with the same releases together (`RHEL/AlmaLinux/CentOS 8`)."""
    families: dict[tuple[str, str], list[str]] = {}
    for each in found:
        release = "" if each.release is None else each.release.version
        families.setdefault((each.distribution.like or each.distribution.name, release), []).append(
            each.distribution.name
        )
    for (_, release), names in families.items():
        yield f"{'/'.join(names)} {release}".strip().replace(" ", _HARD_SPACE)


def _rung(rung: Rung, libc: Libc, *, verbose: bool) -> Iterator[Paragraph]:
    phrases = phrase(rung.demands, _ALL if verbose else _FEW)
    shown = phrases if verbose else phrases[:_FEW]
    for number, text in enumerate(shown):
        yield Paragraph(label="held back by" if number == 0 else "", text=text)
    if len(shown) < len(phrases):
        yield Paragraph(label="", text=f"and {len(phrases) - len(shown)} more (--verbose shows all)")
    if libc is Libc.GLIBC:
        # Without symbol versions nobody knows.
        text = f"without {'this' if len(phrases) == 1 else 'these'} it would be {rung.without}"
        yield Paragraph(label="", text=text)


def _libraries(verdict: Verdict, analysis: Analysis, *, verbose: bool) -> Iterator[Paragraph]:
    for provider, label in (
        (Provider.GRAFTED, "grafted"),
        (Provider.OWN, "its own"),
        (Provider.SYSTEM, "of the system"),
    ):
        names = [each.name for each in verdict.libraries if each.provider is provider]
        if names:
            yield Paragraph(label=label, text=shortened(names, _ALL if verbose else 2 * _FEW))
    for each in verdict.libraries:
        if each.provider is Provider.MISSING:
            text = missing_library(each, verdict.platform.libc, is_repaired=verdict.tagged is not None)
            yield Paragraph(label="missing", text=text, is_warning=True)
    for need, text in lost_libraries(verdict.lost, analysis.wheel.binaries):
        yield Paragraph(label="not found", text=text, is_warning=need.loaded_by is None)
    for version in verdict.undefined:
        yield Paragraph(label="not found", text=undefined_version(version), is_warning=True)


def _oddities(analysis: Analysis) -> Iterator[Paragraph]:
    for binary in analysis.odd_files:
        text = f"is for {_machine(binary)}, which the wheel is not"
        if binary.trouble is not None:
            text = f"is no whole ELF file ({binary.trouble})"
        yield Paragraph(label="odd", text=f"{binary.path} {text}", is_warning=True)
    for text in dict.fromkeys(each.text for verdict in analysis.verdicts for each in verdict.carried):
        yield Paragraph(label="odd", text=text, is_warning=True)
    for verdict in analysis.verdicts:
        for file in verdict.of_other_libc:
            text = f"{file.text}, which {verdict.platform.libc} systems do not have"
            yield Paragraph(label="odd", text=text, is_warning=True)
    for path in analysis.grafted_pythons:
        text = f"{path} is a second Python, beside the one that loads the wheel: something links libpython"
        yield Paragraph(label="odd", text=text, is_warning=True)


def _machine(binary: Binary) -> str:
    if binary.trouble is not None:
        return "cannot be read"
    if binary.arch is not None:
        return binary.arch.tag
    return f"{_machine_name(binary.header.machine)} ({binary.header.bits}-bit{binary.header.abi})"


def _machine_name(machine: int) -> str:
    """Return the machine's symbol in the gABI, such as `EM_SPARC`; of those without wheels only inspection tells."""
    from elftools.elf.enums import ENUM_E_MACHINE

    return next((name for name, number in ENUM_E_MACHINE.items() if number == machine), str(machine))


def _file(binary: Binary) -> str:
    parts = [f"{binary.path}: {_machine(binary)}{' (data)' if binary.header.is_data else ''}"]
    parts += [f"needs {', '.join(binary.needed)}"] if binary.needed else []
    parts += [
        f"{name} {':'.join(paths)}" for name, paths in (("RPATH", binary.rpath), ("RUNPATH", binary.runpath)) if paths
    ]
    parts += [binary.instructions] if binary.instructions else []
    parts += ["packed relative relocations"] if binary.packs_relocations else []
    return "; ".join(parts)
