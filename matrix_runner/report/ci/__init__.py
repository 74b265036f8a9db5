"""CI systems: the syntax of their logs, and whatever else they take from a run (outputs, annotations, summaries)."""
