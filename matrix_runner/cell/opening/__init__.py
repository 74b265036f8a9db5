"""Opening of cells: containers with their interpreters, attempts, an engine that goes away."""
