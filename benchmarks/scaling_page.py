"""What scaling.py measured, as tables of docs/explanation/scaling.md and as plots beside it."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
from scaling_threads import ThreadsMeasured

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "scaling.md"

INK, GRID = "#7d8590", "#7d859055"
"""Readable on white and on black, whatever the site is set to: a picture cannot know."""
COLOURS: Final = ("#4493d8", "#d9822b", "#3fa66a")


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario. `least`: seconds that no schedule is below; `ratios`: of the rounds, the makespan against that.

    `decisions`: microseconds of the processor a cell; `planning`: milliseconds of it a package; `memory`: bytes by
    which the process grew. `source`, `images`: bytes that were moved. `longest`: at which cells are cut.
    """

    name: str
    hosts: int
    cells: int
    least: float
    ratios: tuple[float, ...]
    decisions: float
    memory: int
    planning: float
    given_back: int
    failed: int
    duplicates: int
    source: int
    images: int
    longest: float | None = None


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured. `grown`: one scenario with ever more cells. `threads`: the pool itself."""

    measured: tuple[Measured, ...]
    grown: tuple[Measured, ...]
    threads: tuple[ThreadsMeasured, ...]


def write_page(results: Results, *, is_kept: bool) -> list[str]:
    """Write tables and plots; return the names of the files that differ. `is_kept`: False only compares."""
    whole = [one for one in results.measured if one.longest is None]
    cut = [one for one in results.measured if one.longest is not None]
    page = PAGE.read_text(encoding="utf-8")
    tables = {"whole": _table(whole), "cut": _table(cut), "costs": _costs(results), "threads": _threads(results)}
    for name, text in tables.items():
        head, mark, rest = page.partition(f"<!-- {name}: made by benchmarks/scaling.py -->\n")
        page = f"{head}{mark}{text}\n{rest[rest.index('<!-- end -->') :]}"
    files = {
        PAGE: page,
        PAGE.with_name("scaling-whole.svg"): _bars("Makespan against the lower bound, cells as they are", whole),
        PAGE.with_name("scaling-cut.svg"): _bars("Makespan against the lower bound, no cell above 20 minutes", cut),
        PAGE.with_name("scaling-costs.svg"): _line(results.grown),
    }
    changed = []
    for file, text in files.items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            changed.append(file.name)
            if is_kept:
                file.write_text(text, encoding="utf-8")
    return changed


def _names(measured: Sequence[Measured]) -> tuple[list[str], list[int]]:
    return list(dict.fromkeys(one.name for one in measured)), list(dict.fromkeys(one.hosts for one in measured))


def _table(measured: Sequence[Measured]) -> str:
    lines = [
        "| hosts | | lower bound | makespan | worst | given back | failed | twice |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in measured:
        rounds = f"{max(one.ratios):.3f}" if one.ratios[1:] else ""
        counts = " | ".join(str(number or "") for number in (one.given_back, one.failed, one.duplicates))
        lines.append(
            f"| {one.hosts} | {one.name} | {one.least / 3600:.2f} h | {median(one.ratios):.3f} | {rounds} | {counts} |"
        )
    return "\n".join(lines)


def _costs(results: Results) -> str:
    lines = [
        "| hosts | cells | decisions, a cell | memory | planning, a package | source moved | images moved |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    first = [one for one in results.measured if one.name == results.measured[0].name and one.longest is None]
    lines.extend(
        f"| {one.hosts} | {one.cells} | {one.decisions:.0f} µs | {one.memory / 1e6:.0f} MB | {one.planning:.1f} ms "
        f"| {one.source / 1e9:.0f} GB | {one.images / 1e9:.0f} GB |"
        for one in first
    )
    return "\n".join(lines)


def _threads(results: Results) -> str:
    lines = [
        "| nodes | slots each | tasks | processor, a task | clock, a task | memory |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines.extend(
        f"| {one.nodes} | {one.slots} | {one.tasks} | {one.processor:.0f} µs | {one.clock:.0f} µs "
        f"| {one.memory / 1e6:.0f} MB |"
        for one in results.threads
    )
    return "\n".join(lines)


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    style = f"text {{ font: 13px system-ui, sans-serif; fill: {INK} }} .title {{ font-weight: 600 }}"
    return "\n".join(
        [
            f'<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">',
            "<!-- Made by benchmarks/scaling.py; do not edit. -->",
            f"<title>{escape(title)}</title>",
            f"<style>{style}</style>",
            f'<text class="title" x="8" y="20">{escape(title)}</text>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _bars(title: str, measured: Sequence[Measured]) -> str:
    """Draw a bar for each scenario and number of hosts: the median, with a mark at the worst round."""
    names, hosts = _names(measured)
    most, left, width = 2.0, 250, 480
    parts = []
    for at, count in enumerate(hosts):
        parts.append(f'<rect x="{left + at * 120}" y="32" width="12" height="12" fill="{COLOURS[at % 3]}"/>')
        parts.append(f'<text x="{left + at * 120 + 18}" y="43">{count} hosts</text>')
    y = 64
    for name in names:
        own = [one for one in measured if one.name == name]
        parts.append(f'<text x="8" y="{y + 8 * len(own) + 4}">{escape(name)}</text>')
        for one in own:
            middle, worst = median(one.ratios), max(one.ratios)
            length = round((min(middle, most) - 1) / (most - 1) * width, 1)
            colour = COLOURS[hosts.index(one.hosts) % 3]
            parts.append(f'<rect x="{left}" y="{y}" width="{max(length, 1)}" height="12" fill="{colour}"/>')
            if one.ratios[1:]:
                mark = left + round((min(worst, most) - 1) / (most - 1) * width, 1)
                parts.append(f'<path d="M{mark} {y - 1}v14" stroke="{INK}" stroke-width="2"/>')
            end = left + max(length, 1) + 6
            if one.ratios[1:]:
                end = max(end, left + round((min(worst, most) - 1) / (most - 1) * width, 1) + 6)
            parts.append(f'<text x="{end}" y="{y + 11}">{middle:.2f}</text>')
            y += 16
        y += 12
    for step in range(5):
        x = left + step * width // 4
        parts.append(f'<path d="M{x} 54V{y - 8}" stroke="{GRID}"/>')
        parts.append(f'<text x="{x - 12}" y="{y + 8}">{1 + step * (most - 1) / 4:.2f}</text>')
    return _svg(left + width + 60, y + 20, title, parts)


def _line(grown: Sequence[Measured]) -> str:
    """Draw the time of decisions a cell, by the number of cells."""
    left, width, height = 70, 480, 160
    most = max(50.0, *(one.decisions * 1.2 for one in grown))
    points = []
    parts = []
    for at, one in enumerate(grown):
        x = left + 40 + at * (width - 80) // max(1, len(grown) - 1)
        y = round(40 + height * (1 - one.decisions / most), 1)
        points.append(f"{x},{y}")
        parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{COLOURS[0]}"/>')
        parts.append(f'<text x="{x - 16}" y="{y - 10}">{one.decisions:.0f} µs</text>')
        parts.append(f'<text x="{x - 30}" y="{height + 60}">{one.cells} cells</text>')
    parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{COLOURS[0]}" stroke-width="2"/>')
    parts.append(f'<path d="M{left} 40V{40 + height}H{left + width}" fill="none" stroke="{INK}"/>')
    title = f"Time of all decisions, for each cell, on {grown[-1].hosts} hosts"
    return _svg(left + width + 20, height + 76, title, parts)
