"""One cell of a run, in one container: its attempts, steps, failures and wheel."""
