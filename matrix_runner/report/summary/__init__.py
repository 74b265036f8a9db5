"""Renderings of a finished run: report.json, console summary, GitHub summary."""
