"""Explanations of failures, from a command's output, the built wheel and the project's files."""
