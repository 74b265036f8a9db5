"""Build frontends in a cell: their command lines, what backends are told, and the frontend of our own. Pure."""
