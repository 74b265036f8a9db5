"""Consoles, logs and reports of a run: listeners to its events, and renderings of its report.

Only `live_table` and `board`, its layout, import rich, so importing this package is cheap.
"""
