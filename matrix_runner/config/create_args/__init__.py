"""`create-args`: words of the command line of `docker create`, read into values."""
