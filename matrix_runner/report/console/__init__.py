"""Consoles that follow a run: live table, plain, quiet, JSON; `--progress` chooses one."""
