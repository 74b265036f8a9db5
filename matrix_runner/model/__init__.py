"""The shared frozen values: cells, platforms, outcomes and events, used by all other packages."""
