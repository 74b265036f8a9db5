"""This machine itself as the engine: no container, a directory a cell."""
