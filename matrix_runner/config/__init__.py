"""The configuration: the table of options (`options/`), and its resolution to settings (`loading/`)."""
