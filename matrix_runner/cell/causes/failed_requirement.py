"""A requirement that had no wheel for a cell, was built from its sdist, and whose build failed. Pure."""

import re

import msgspec

from matrix_runner.cell.causes.output_lines import Lines
from matrix_runner.model.outcomes import StepKind

_NAME = r"(?P<name>[A-Za-z0-9][\w.-]{0,100})"
_UV = re.compile(rf"(?:error: |cause: )?Failed to (?:download and )?build `{_NAME}==(?P<version>[\w.+!-]{{1,60}})`")
_PIP = re.compile(
    rf"(?:ERROR: )?Failed building (?:wheel|editable) for {_NAME}$"
    rf"|ERROR: Failed to build '(?P<quoted>[A-Za-z0-9][\w.-]{{0,100}})' when "
)
_PIP_METADATA = re.compile(r"Encountered error while generating package metadata")
_BARE = re.compile(rf"{_NAME}$")
_COLLECTED = re.compile(
    r"(?:Collecting (?P<name>[A-Za-z0-9][\w.-]{0,100}?)(?:==(?P<version>[\w.+!-]{1,60}))?(?:[ \[<>!~;].*)?"
    r"|Processing .{0,300}/(?P<file>[A-Za-z0-9][\w.]{0,100})-(?P<release>\d[\w.+!]{0,60})\.(?:tar\.gz|zip))$"
)


class FailedRequirement(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement whose build failed. `version`: "" if it is not told."""

    name: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip()


def failed_requirement(lines: Lines, kind: StepKind) -> FailedRequirement | None:
    """Return the requirement whose build failed, as uv or pip names it; None for any other failure.

    A project that pip builds is named in the same words: it is a requirement only if pip has collected it.
    """
    for at in range(len(lines) - 1, -1, -1):
        text = lines[at].text
        found = _UV.match(text)
        if found is not None:
            return FailedRequirement(name=found["name"], version=found["version"])
        name = _named_by_pip(lines, at)
        if name is not None:
            return _collected(lines[:at], name, kind)
    return None


def _named_by_pip(lines: Lines, at: int) -> str | None:
    found = _PIP.match(lines[at].text)
    if found is not None:
        return found["name"] or found["quoted"]
    if _PIP_METADATA.match(lines[at].text) and at + 1 < len(lines):
        bare = _BARE.match(lines[at + 1].text)
        # Older pips say only that all was told above: the last that was collected is the one.
        return bare["name"] if bare else _last_collected(lines[:at])
    if lines[at].text.startswith("Getting requirements to build wheel did not run successfully"):
        return _last_collected(lines[:at])
    return None


def _last_collected(lines: Lines) -> str | None:
    return next(
        (found["name"] or found["file"] for line in reversed(lines) if (found := _COLLECTED.match(line.text))), None
    )


def _collected(lines: Lines, name: str, kind: StepKind) -> FailedRequirement | None:
    for line in reversed(lines):
        found = _COLLECTED.match(line.text)
        if found is not None and _same(found["name"] or found["file"], name):
            return FailedRequirement(name=name, version=found["version"] or found["release"] or "")
    is_prepared = kind in {StepKind.INSTALL, StepKind.TEST_ENVIRONMENT, StepKind.BUILD_ENVIRONMENT}
    return FailedRequirement(name=name) if is_prepared else None


def _same(one: str, other: str) -> bool:
    return re.sub(r"[-_.]+", "-", one).lower() == re.sub(r"[-_.]+", "-", other).lower()
