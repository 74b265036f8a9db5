"""Requirements of a cell that are resolved for a lock, or held to one. Pure."""
