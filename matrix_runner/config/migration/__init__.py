"""Migration of `[tool.cibuildwheel]` to `[tool.matrix-runner]`, for `runner migrate`."""
