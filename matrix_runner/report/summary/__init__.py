"""Renderings of a finished run: report.json, console summary, summaries on pages of CI systems."""
