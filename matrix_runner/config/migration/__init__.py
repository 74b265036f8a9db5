"""From `[tool.cibuildwheel]` to `[tool.matrix-runner]`."""
