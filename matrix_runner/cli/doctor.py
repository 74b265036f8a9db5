"""`runner doctor`: what stands in the way of a build on this machine, and what to do about it."""

import os
import platform
import sys
from pathlib import Path

import click

from matrix_runner import __version__
from matrix_runner.cli.wiring.flags import BuildCommand
from matrix_runner.cli.workspaces.opened_packages import packages_parameters
from matrix_runner.errors import ExitCode


@click.command(cls=BuildCommand, short_help="Say what this machine offers for building wheels.")
@packages_parameters
@click.option("--json", "as_json", is_flag=True, help="One document for programs (docs/reference/doctor.md).")
def doctor(
    packages: tuple[Path, ...], project: Path | None, config_file: str | None, *, as_json: bool, **flags: object
) -> ExitCode:
    """Say what this machine offers for building wheels, what it lacks, and what to do about it.

    Looks for container engines and images, emulators, interpreters and tools, room on disks, the package index, proxies
    and certificates, git and the clock: for the project here, if there is one, with the flags of `runner build`. Where
    the cells are spread over several engines, or a Dask cluster, those are asked. It takes a few seconds, fetches
    nothing, and leaves nothing behind.

    \b
      runner doctor
      runner doctor --engine podman --only 'cp313-*'
      runner doctor --engine-endpoint arm=ssh://builder@arm.example
      runner doctor --cluster tls://scheduler.example:8786

    \b
    Exit codes
      0 a build can begin    2 a mistake in the configuration    4 a machine lacks something
    """
    from matrix_runner.cli.diagnosis.doctor_subject import doctor_subject
    from matrix_runner.cli.wiring.directories import processors
    from matrix_runner.doctor.examination import Examination
    from matrix_runner.doctor.telling.doctor_document import Program, document_of
    from matrix_runner.doctor.telling.doctor_text import closing_line, section_lines
    from matrix_runner.doctor.verdict import exit_code
    from matrix_runner.report.terminal import LineWriter, columns_of, wants_colour

    program = Program(
        tool_version=__version__,
        python=platform.python_version(),
        machine=platform.machine(),
        processors=processors(),
    )
    out, is_terminal = LineWriter(sys.stdout), sys.stdout.isatty()
    colour = wants_colour(os.environ, is_terminal=is_terminal)
    columns = columns_of(sys.stdout)
    with doctor_subject(packages, project, config_file, flags) as subject:
        if not as_json:
            out.write(f"matrix-runner {__version__} on Python {program.python}, {program.machine}")
            out.write(f"CPUs: {program.processors}")
        sections = []
        for section in Examination(subject).sections():
            sections.append(section)
            if not as_json:
                out.write(*section_lines(section, columns, colour=colour))
        code = exit_code(sections)
        out.write(document_of(sections, program).decode() if as_json else closing_line(sections, code))
    return code
