"""The configuration: one table of options (`options/`), and the reader that resolves it to settings (`loading/`)."""
