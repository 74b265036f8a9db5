"""The look into an image: the script that asks, and the judgement whether a cell can run there."""
