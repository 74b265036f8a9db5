"""Gathering of facts, side by side, each within a limit of time, and without a trace: all that asks anything."""
