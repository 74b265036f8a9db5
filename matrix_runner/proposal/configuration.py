"""The `[tool.matrix-runner]` table for a surveyed project, each setting with its reason."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from matrix_runner.catalog.system_packages import Need, PackageManager, SystemPackage, package_with
from matrix_runner.proposal.availability import MissingWheels
from matrix_runner.proposal.installation import installation_of, missing_in
from matrix_runner.proposal.test_commands import TestOfWheel, test_of
from matrix_runner.survey.compiled_code import Language
from matrix_runner.survey.project_survey import ProjectSurvey
from matrix_runner.survey.system_needs.wanted import Requirement
from matrix_runner.wording import first_of

Value = str | tuple[str, ...] | Mapping[str, str]

_RUST: Final = "command -v cargo >/dev/null || curl -fsSL https://sh.rustup.rs | sh -s -- -y --profile minimal"
_FREE_THREADED: Final = "cp3??t-*"


class ProposedSetting(msgspec.Struct, frozen=True, kw_only=True):
    """An option of the table, and the reason for its value."""

    name: str
    value: Value
    reason: str


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed table. `open_questions`: what the project's files do not tell, a sentence each.

    `build_system`: requirements for a `[build-system]` where there is none and one is needed.
    """

    settings: tuple[ProposedSetting, ...]
    open_questions: tuple[str, ...]
    build_system: tuple[str, ...]


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """Cells in which the requirements of a build, and those of its tests, have no wheels; None where all have."""

    build: MissingWheels | None = None
    test: MissingWheels | None = None


def propose(survey: ProjectSurvey, availability: Availability) -> Proposal:
    """Return the table for a project. What a CI file tells cibuildwheel comes before what was found out here."""
    said, origins = _said(survey)
    test = test_of(survey)
    made = {each.name: each for each in (*_selection(survey, availability), *_building(survey))}
    if "test-command" not in said:
        made |= {each.name: each for each in _testing(test, availability)}
    for name, value in said.items():
        own, reason = made.get(name), f"as {origins[name]} says"
        if name == "skip" and own is not None:
            both = tuple(dict.fromkeys((*value.split(), *own.value)))
            made[name] = ProposedSetting(name=name, value=both, reason=f"{reason}; {own.reason}")
        else:
            made[name] = ProposedSetting(name=name, value=value, reason=reason)
    order = {name: number for number, name in enumerate(_ORDER)}
    return Proposal(
        settings=tuple(sorted(made.values(), key=lambda each: order.get(each.name, len(order)))),
        open_questions=tuple(_open_questions(survey, test, is_test_said="test-command" in said)),
        build_system=("setuptools", *survey.undeclared) if survey.undeclared else (),
    )


_ORDER: Final = (
    *("build", "skip", "test-skip", "archs", "before-all", "before-build", "environment", "config-settings"),
    *("repair-wheel-command", "before-test", "test-sources", "test-groups", "test-extras", "test-requires"),
    *("test-environment", "test-command"),
)


def _said(survey: ProjectSurvey) -> tuple[dict[str, str], dict[str, str]]:
    """Return the options that CI files set for cibuildwheel, and which file it was."""
    said, origins = dict[str, str](), dict[str, str]()
    for file, variables in sorted(survey.tools.variables.items(), key=lambda each: -len(each[1])):
        for variable, value in variables.items():
            name = variable.lower().replace("_", "-")
            if name not in said:
                said[name], origins[name] = value, file
    return said, origins


def _selection(survey: ProjectSurvey, availability: Availability) -> Iterator[ProposedSetting]:
    patterns: list[str] = []
    reasons = []
    if availability.build is not None:
        patterns += availability.build.patterns
        reasons.append(f"{first_of(availability.build.packages, 3)}, which builds require, has no wheels there")
    missing = missing_in(_packages(survey), PackageManager.APK)
    if missing:
        patterns.append("*-musllinux_*")
        reasons.append(f"Alpine has no {first_of([str(each.apt or each.dnf) for each in missing], 3)}")
    if not survey.code.says_free_threaded:
        patterns.append(_FREE_THREADED)
        reasons.append("nothing says that the code runs without the GIL")
    if patterns:
        yield ProposedSetting(name="skip", value=tuple(patterns), reason="; ".join(reasons))


def _packages(survey: ProjectSurvey) -> tuple[SystemPackage, ...]:
    found = [requirement.package for requirement in survey.system]
    found += [
        package_with(Need.PROGRAM, compiler)
        for language, compiler in ((Language.FORTRAN, "gfortran"), (Language.SWIG, "swig"))
        if language in survey.code.languages and not survey.metadata.build_requires_one_of(compiler)
    ]
    return tuple(dict.fromkeys(package for package in found if package is not None))


def _building(survey: ProjectSurvey) -> Iterator[ProposedSetting]:
    commands, reasons = [], []
    packages = _packages(survey)
    if packages:
        commands.append(installation_of(packages))
        reasons += [_reason(requirement) for requirement in survey.system if requirement.package is not None]
        found = {requirement.package for requirement in survey.system}
        reasons += [f"its code needs {each.apt}" for each in packages if each not in found]
    if Language.RUST in survey.code.languages and survey.metadata.build_requires_one_of("maturin", "setuptools-rust"):
        commands.append(_RUST)
        reasons.append("Rust code")
        yield ProposedSetting(name="environment", value={"PATH": "$HOME/.cargo/bin:$PATH"}, reason="cargo is there")
    if commands:
        value = commands[0] if len(commands) == 1 else tuple(commands)
        yield ProposedSetting(name="before-all", value=value, reason="; ".join(reasons))


def _reason(requirement: Requirement) -> str:
    """Say who looks for a library: `setup.py looks for libffi`."""
    known = sorted(requirement.wanted, key=lambda each: (_TELLING.index(each.need), each.where.count("/")))
    return f"{known[0].where} looks for {known[0].name}"


_TELLING: Final = (Need.MODULE, Need.LIBRARY, Need.CMAKE, Need.PROGRAM, Need.HEADER)
"""The kinds of things to name, from that which people know best."""


def _testing(test: TestOfWheel, availability: Availability) -> Iterator[ProposedSetting]:
    if availability.test is not None and (test.requires or test.extras or test.groups):
        reason = f"{first_of(availability.test.packages, 3)}, which tests need, has no wheels there"
        yield ProposedSetting(name="test-skip", value=availability.test.patterns, reason=reason)
    for name, value in (
        ("test-sources", test.sources),
        ("test-groups", test.groups),
        ("test-extras", test.extras),
        ("test-requires", test.requires),
    ):
        if value:
            yield ProposedSetting(name=name, value=value, reason="")
    if test.command:
        yield ProposedSetting(name="test-command", value=test.command, reason=test.because)


def _open_questions(survey: ProjectSurvey, test: TestOfWheel, *, is_test_said: bool) -> Iterator[str]:
    for requirement in survey.system:
        if requirement.package is None:
            each = requirement.wanted[0]
            yield f"{each.where} looks for `{each.name}`: if images lack it, install it in `before-all`"
    missing = [str(package.apt or package.apk) for package in missing_in(_packages(survey), PackageManager.DNF)]
    if missing:
        yield f"AlmaLinux has no {', '.join(missing)} (as Debian calls it): build it in `before-all`"
    if test.left_out and not is_test_said:
        yield f"wheels are tested by an import alone: {test.left_out}"
