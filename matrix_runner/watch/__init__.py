"""Watching of a project's files: which of them count, where new ones may appear, and what has changed."""
