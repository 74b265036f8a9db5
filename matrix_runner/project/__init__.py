"""The project under build, as it is on this machine: its files, its history, its build files."""
