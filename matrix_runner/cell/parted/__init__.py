"""What a cell fetches in a container of its own, for the one that has no network."""
