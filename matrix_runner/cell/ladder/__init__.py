"""The test of a cell's wheel in clean images of other distributions, one after the other (`test-on`)."""
