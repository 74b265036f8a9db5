"""Cells on a Dask cluster: orders that travel to its workers, what a worker does with them, and what comes back."""
