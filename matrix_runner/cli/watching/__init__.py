"""The loop of `runner watch`, and what a person sees of it."""
