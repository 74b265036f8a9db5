"""CI log syntax of GitHub, GitLab, Travis and Azure: folds, error annotations, and disabling of log commands."""

import re
from collections.abc import Mapping
from enum import Enum

from matrix_runner.config.kinds.values import LogFolds


class FoldStyle(Enum):
    """The CI system whose fold syntax to use, with the environment variable that identifies it."""

    NONE = ""
    GITHUB = "GITHUB_ACTIONS"
    TRAVIS = "TRAVIS"
    GITLAB = "GITLAB_CI"
    AZURE = "TF_BUILD"


def fold_style(environ: Mapping[str, str], asked: LogFolds = LogFolds.AUTO) -> FoldStyle:
    """Return the style that is asked for; for `auto` that of the environment's CI system.

    A variable of a CI system with `false`, `0` or no value is ignored.
    """
    if asked is not LogFolds.AUTO:
        return FoldStyle[asked.name]
    for style in FoldStyle:
        if style.value and environ.get(style.value, "").lower() not in {"", "0", "false"}:
            return style
    return FoldStyle.NONE


def opening(style: FoldStyle, name: str, title: str, now: float) -> str:
    """Return the line that opens a fold. `name` is unique in the log; `now` is Unix time (GitLab needs it)."""
    match style:
        case FoldStyle.NONE:
            return title
        case FoldStyle.GITHUB:
            return f"::group::{_github_data(title)}"
        case FoldStyle.TRAVIS:
            return f"travis_fold:start:{_name(name)}\r\x1b[0K{title}"
        case FoldStyle.GITLAB:
            return f"\x1b[0Ksection_start:{int(now)}:{_name(name)}[collapsed=true]\r\x1b[0K{title}"
        case FoldStyle.AZURE:
            return f"##[group]{title}"


def closing(style: FoldStyle, name: str, now: float) -> tuple[str, ...]:
    """Return the line that closes a fold, if the style has one."""
    match style:
        case FoldStyle.NONE:
            return ()
        case FoldStyle.GITHUB:
            return ("::endgroup::",)
        case FoldStyle.TRAVIS:
            return (f"travis_fold:end:{_name(name)}\r\x1b[0K",)
        case FoldStyle.GITLAB:
            return (f"\x1b[0Ksection_end:{int(now)}:{_name(name)}\r\x1b[0K",)
        case FoldStyle.AZURE:
            return ("##[endgroup]",)


def commands_off(style: FoldStyle, token: str) -> tuple[str, ...]:
    """Return the line that disables CI commands until `commands_on` with the same secret token.

    Only GitHub has one. It supplements `sanitize.neutralise`, which knows only today's command forms.
    """
    return (f"::stop-commands::{token}",) if style is FoldStyle.GITHUB else ()


def commands_on(style: FoldStyle, token: str) -> tuple[str, ...]:
    """Return the line that enables CI commands again."""
    return (f"::{token}::",) if style is FoldStyle.GITHUB else ()


def error_annotation(style: FoldStyle, title: str, message: str) -> tuple[str, ...]:
    """Return the line that shows an error on the CI system's own page, where supported."""
    match style:
        case FoldStyle.GITHUB:
            return (f"::error title={_github_property(title)}::{_github_data(message)}",)
        case FoldStyle.AZURE:
            return (f"##vso[task.logissue type=error]{_azure_data(f'{title}: {message}')}",)
        case FoldStyle.NONE | FoldStyle.TRAVIS | FoldStyle.GITLAB:
            return ()


def _github_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")


def _azure_data(text: str) -> str:
    return text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")


def _name(text: str) -> str:
    """Return the text in the characters that Travis and GitLab allow in a fold's name."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)
