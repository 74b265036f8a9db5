"""The steps after the build, in the cell's container: repair, audit, test. Pure."""
