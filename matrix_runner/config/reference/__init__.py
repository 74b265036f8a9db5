"""Documents generated from the options table: docs/reference/options.md and the JSON Schema."""
