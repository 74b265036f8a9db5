"""Documents generated from the options table: docs/options.md and the JSON Schema."""
