"""Those who watch a run: the live table, lines for logs, folds; one of them is chosen by `--progress`."""
