"""Causes of failed commands, found in their output: a line, the log's lines that show it, the place, the remedy."""
