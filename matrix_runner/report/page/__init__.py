"""The page of a run, report.html: what it shows is computed from report and logs; a template makes the page of that."""

from matrix_runner.report.page.page_rendering import page_html

__all__ = ("page_html",)
