"""Leases of runs, by which what a dead one has left is found, and the process that removes it at once."""
