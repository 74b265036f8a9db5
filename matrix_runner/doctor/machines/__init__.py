"""Verdicts on the machines over which a build spreads its cells: several engines, or the workers of a cluster. Pure."""
