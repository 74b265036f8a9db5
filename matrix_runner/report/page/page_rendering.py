"""Rendering of the page: its template, style sheet and script into one file that needs nothing else."""

from importlib import resources
from pathlib import Path

from matrix_runner.model.outcomes import Report
from matrix_runner.report.page.drawing import WIDTH
from matrix_runner.report.page.page_logs import page_logs
from matrix_runner.report.page.page_view import PageSources, page_view
from matrix_runner.report.summary.report_json import ReportExtra

_TEMPLATE = "report.html.jinja"


def page_html(report: Report, extra: ReportExtra, logs: Path, earlier: Report | None) -> bytes:
    """Return the page of a run. `logs`: the directory of its logs; `earlier`: the run that it is compared with.

    All text of the run is escaped by the template engine, and has been made safe before; the style sheet and the script
    are ours alone.
    """
    # Half of the time that a run takes in which nothing is new: only who makes a page has these imports.
    from jinja2 import DictLoader, Environment, StrictUndefined

    from matrix_runner.catalog.distributions import load_distributions

    view = page_view(
        PageSources(
            report=report,
            extra=extra,
            earlier=earlier,
            distributions=load_distributions(),
            logs=page_logs(report.outcomes, logs),
        )
    )
    files = resources.files(__package__)
    template, style, script = (
        files.joinpath(name).read_text("utf-8") for name in (_TEMPLATE, "report.css", "report.js")
    )
    environment = Environment(
        loader=DictLoader({_TEMPLATE: template}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(_TEMPLATE).render(view=view, style=style, script=script, width=WIDTH).encode()
