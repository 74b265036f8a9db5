"""Resolution of files, environment and flags to settings, with the origin of every value."""
