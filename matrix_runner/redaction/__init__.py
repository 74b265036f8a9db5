"""Secrets: which values of a run are secret, and masking them in output, logs, reports and cache."""
