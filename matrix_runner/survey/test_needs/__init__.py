"""The tests of a project: where they are, what they need, how pytest is set up for them."""
