"""The recipe of a cell: its steps in order, each a command with environment, directory and limits. Pure."""
