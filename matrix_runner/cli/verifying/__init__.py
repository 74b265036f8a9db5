"""`runner verify`: the command, and the second build that it compares with."""
