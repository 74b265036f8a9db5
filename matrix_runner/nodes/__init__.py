"""The nodes of a run: the engines on which its cells are spread; which cell goes where, and what a lost node leaves."""
