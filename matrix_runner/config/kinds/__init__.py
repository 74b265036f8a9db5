"""Kinds of values: what an option accepts, and the type that it becomes."""
