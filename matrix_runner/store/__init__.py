"""The cache of finished cells on disk and remote: entries with a cell's inputs, wheel and log."""
