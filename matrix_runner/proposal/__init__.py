"""The configuration and CI files that `runner init` proposes for a surveyed project. Pure: it knows no file."""
