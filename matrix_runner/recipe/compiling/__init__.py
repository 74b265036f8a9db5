"""The compiler cache of a cell: its program, and wrappers of compilers that ask it first. Pure."""
