"""Containers of cells: specification, volumes, reuse of open ones, debug images."""
