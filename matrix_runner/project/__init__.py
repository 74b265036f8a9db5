"""The project under build on this machine: its files, git state, sdist and build files."""
