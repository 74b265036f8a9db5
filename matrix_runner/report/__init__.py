"""What a run looks like from outside: listeners to its events, and renderings of its report.

`live_table` (and `board`, which it draws) are the only modules that import rich, so importing this package is cheap.
"""
