"""The options reference (docs/reference/options.md), generated from the options table by `make reference`."""

import sys
from collections.abc import Iterator
from importlib.resources import files

from matrix_runner.config.options import OPTIONS
from matrix_runner.config.options.image_options import IMAGES
from matrix_runner.config.options.option import Option, Section


def reference() -> str:
    """Return the reference as Markdown, in chapters, in table order."""
    head = files("matrix_runner.config.reference").joinpath("document_head.md").read_text("utf-8")
    chapters = [head.replace("{contents}", _contents())]
    for section in Section:
        chapters.append(f"## {section.title}\n\n{section.introduction}\n")
        chapters += [entry(option) for option in _entries(section)]
        if section is Section.IMAGES:
            chapters.append(_images())
    return "\n".join(chapters)


def _entries(section: Section) -> tuple[Option[object], ...]:
    """Return the options of a section with an entry of their own: those of the platforms' images share one."""
    return tuple(option for option in OPTIONS if option.section is section and option not in IMAGES.values())


def _contents() -> str:
    lines = []
    for section in Section:
        names = [option.name for option in _entries(section)] + ["images-by-platform"] * (section is Section.IMAGES)
        lines.append(f"- {section.title}: " + ", ".join(f"[`{name}`](#{name})" for name in names))
    return "\n".join(lines) + "\n"


def _images() -> str:
    first = next(iter(IMAGES.values()))
    rows = [f"| `{option.name}` | `{option.default}` | `{option.variable}` |" for option in IMAGES.values()]
    table = ["| Option | Default | Variable |", "| --- | --- | --- |", *rows]
    example = f"```toml\n[tool.matrix-runner]\n{first.example}\n```"
    linux = "Each variable may end in `_LINUX`. Overrides can set these options."
    parts = ["### Images by platform", first.details.strip(), "\n".join(table), linux, example]
    return "\n\n".join(parts) + "\n"


def entry(option: Option[object]) -> str:
    """Return the reference entry of one option."""
    parts = [f"### `{option.name}`", option.help, "\n".join(f"- {fact}" for fact in _facts(option))]
    parts += [option.details.strip()] if option.details.strip() else []
    parts += [f"```toml\n[tool.matrix-runner]\n{option.example}\n```"] if option.example else []
    return "\n\n".join(parts) + "\n"


def _facts(option: Option[object]) -> Iterator[str]:
    yield f"Type: {option.kind.words}"
    default = f"`{option.kind.write(option.default)}`" if option.default not in {"", ()} else "none"
    emulated = option.emulated_default
    yield f"Default: {default}" + (f"; `{option.kind.write(emulated)}` under emulation" if emulated is not None else "")
    if option.flag is not None:
        value = f"{option.flag} {option.metavar}".strip()
        yield f"Flag: `{value}`" + (", may be given several times" if option.repeatable else "")
    if not option.is_flag_only:
        yield f"Variable: `{option.variable}`" + (f", `{option.variable}_LINUX`" if option.per_platform else "")
        yield f"Overrides: {_in_overrides(option)}"


def _in_overrides(option: Option[object]) -> str:
    if not option.per_cell:
        return "cannot set it"
    return "can set it, and add to it (`inherit`)" if option.kind.join is not None else "can set it"


if __name__ == "__main__":
    sys.stdout.write(reference())
