"""The measured figures in README.md: the rows that tell a user most, out of results.json. `--check` only compares.

`make reference` writes them, so that README never tells other figures than those that were measured last.
"""

import sys
from pathlib import Path
from statistics import median

from results import RowResult, load

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- figures: made by `make reference` of benchmarks/results.json -->", "<!-- end of figures -->"
PEER, RUNNER = "cibuildwheel, build[uv]", "runner"
ROWS = {
    "markupsafe-cold": "a first run: MarkupSafe, 3 Pythons, 64- and 32-bit",
    "c-compiler": "a first run that is mostly C compiler: zstandard, 2 Pythons, 64- and 32-bit",
    "edit-loop": "one Python of MarkupSafe again, after a change of its C file",
    "one-file-of-100": "3 Pythons again after a change of one of 100 C files, with `compiler-cache`",
    "before-all": "6 cells again after a change, with a `before-all` of a minute in each image",
    "unchanged": "MarkupSafe again, nothing changed",
    "ci-unchanged": "6 cells on a fresh machine with a carried cache, nothing changed",
}
"""What a row is, in a user's words; its figures are medians of whole runs."""


def figures(rows: tuple[RowResult, ...]) -> str:
    """Return the table and what was measured where, as Markdown. Rows that were not measured are left out."""
    known = {row.name: row for row in rows if row.is_whole}
    chosen = [known[name] for name in ROWS if name in known]
    lines = [_line(row) for row in chosen]
    newest = max(chosen, key=lambda row: row.date)
    facts, versions = dict(newest.machine), dict(newest.versions)
    dates = sorted({row.date.partition(" ")[0] for row in chosen})
    when = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    return "\n".join(
        [
            f"| a run of | cibuildwheel {versions['cibuildwheel']} with uv | matrix-runner | |",
            "| --- | ---: | ---: | ---: |",
            *lines,
            "",
            f"Seconds by the clock, medians, both with the same images on one machine ({facts['processors']}), {when}.",
        ]
    )


def _line(row: RowResult) -> str:
    seconds = {one.name: median(one.values) for one in row.series}
    peer, own = seconds[PEER], seconds[RUNNER]
    return f"| {ROWS[row.name]} | {_digits(peer)} | {_digits(own)} | {_digits(peer / own)} x |"


def _digits(value: float) -> str:
    """Two digits that mean something: 0.45, 7.1, 98."""
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def main() -> int:
    """Write the figures into README.md, or with `--check` only say whether they are as they should be."""
    text = README.read_text("utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    new = f"{head}{BEGIN}\n{figures(load(HERE / 'results.json'))}\n{END}{tail}"
    if "--check" in sys.argv[1:]:
        return int(new != text)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
