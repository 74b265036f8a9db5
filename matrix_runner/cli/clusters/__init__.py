"""The side of the command line on the workers of a cluster."""
