"""The test of a wheel: by the project's own tests, or by an import where those cannot run in a container."""

import shlex
from typing import Final

import msgspec

from matrix_runner.survey.project_metadata import name_of
from matrix_runner.survey.project_survey import ProjectSurvey
from matrix_runner.survey.test_needs.test_suite import TestSuite

_SERVERS: Final = frozenset({"libpq-devel", "mariadb-connector-c-devel", "freetds-devel", "unixODBC-devel"}) | {
    "libmemcached-devel",
    "openldap-devel",
    "krb5-devel",
}
_DEVICES: Final = frozenset(
    [
        "alsa-lib-devel",
        "portaudio-devel",
        "pcsc-lite-devel",
        "fuse-devel",
        "fuse3-devel",
        "libusbx-devel",
        "ocl-icd-devel",
        "glfw-devel",
    ]
)
"""Packages, by their name for dnf, of libraries whose tests talk to a server, or to a device."""


class TestOfWheel(msgspec.Struct, frozen=True, kw_only=True):
    """Options for a test, and in words: what they are, and what was left out for which reason."""

    command: str = ""
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    because: str = ""
    left_out: str = ""


def test_of(survey: ProjectSurvey) -> TestOfWheel:
    """Return the test of a project's wheels."""
    suite = survey.tests
    if suite is None:
        return _import(survey, because="no tests were found that pytest would run")
    obstacle = _obstacle(survey, suite)
    if obstacle:
        return _import(survey, because=f"{suite.directory}/ is not run", left_out=obstacle)
    return TestOfWheel(
        command=_command(suite, _options(suite)),
        requires=suite.requirements,
        extras=(suite.extra,) if suite.extra else (),
        groups=(suite.group,) if suite.group else (),
        sources=_sources(suite),
        because=f"tests in {suite.directory}/"
        + (", a part of the package" if suite.package else "")
        + (
            f", but for {', '.join(suite.programs)}: pytest's options are none of unittest.main's"
            if suite.programs
            else ""
        ),
    )


def _import(survey: ProjectSurvey, *, because: str, left_out: str = "") -> TestOfWheel:
    if not survey.module:
        return TestOfWheel(because=because, left_out=left_out or "no module was found whose import would say something")
    return TestOfWheel(command=import_test(survey.module), because=because, left_out=left_out)


def import_test(module: str) -> str:
    """Return the command that imports a module: the least that a wheel must stand."""
    return f'python -c "import {module}"'


def _obstacle(survey: ProjectSurvey, suite: TestSuite) -> str:
    """Return why tests would not pass in a container, as far as can be seen; "" if nothing speaks against it."""
    if suite.obstacle:
        return suite.obstacle
    if suite.unknown:
        return f"its tests import {', '.join(suite.unknown)}, and nothing says which distributions these are"
    names = {requirement.package.dnf for requirement in survey.system if requirement.package is not None}
    for known, place in ((_SERVERS, "a server"), (_DEVICES, "a device")):
        if names & known:
            return f"tests of a binding to {', '.join(sorted(filter(None, names & known)))} mostly need {place}"
    return ""


def _command(suite: TestSuite, options: tuple[str, ...]) -> str:
    if suite.package:
        return shlex.join(("pytest", *options, "--pyargs", suite.package))
    words = ["pytest", *options]
    if suite.reads_below:
        return shlex.join((*words, suite.directory))
    if suite.shadows and not any("import-mode" in word for word in suite.settings.options):
        # Else pytest puts the project's directory, where the source is, before the installed wheel.
        words.append("--import-mode=append")
    if suite.settings.python_path:
        words += ["-o", "pythonpath="]
    directory = suite.directory if " " not in suite.directory else shlex.quote(suite.directory)
    return f"{shlex.join(words)} {{project}}/{directory}"


def _options(suite: TestSuite) -> tuple[str, ...]:
    """Return options against settings that are for a developer's machine.

    The coverage of the source, which the wheel has not. Hypothesis's deadline of 200 ms for an example, which cells
    side by side miss now and then: its own profile for such machines, `ci`, has none (hypothesis 6.118 and later). And
    functions that would read pytest's command line as unittest's are left out.
    """
    options = ["--no-cov"] if any(word.startswith("--cov") for word in suite.settings.options) else []
    if "hypothesis" in map(name_of, suite.all_requirements):
        options.append("--hypothesis-profile=ci")
    if suite.programs:
        options += ["-k", " and ".join(f"not {name}" for name in suite.programs)]
    return tuple(options)


def _sources(suite: TestSuite) -> tuple[str, ...]:
    if not suite.reads_below or suite.package:
        return ()
    return tuple(dict.fromkeys(filter(None, (suite.directory.partition("/")[0], suite.settings.file))))
