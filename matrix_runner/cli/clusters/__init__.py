"""Engines and workers elsewhere: what settings may say of them, and the command line's side on a worker."""
