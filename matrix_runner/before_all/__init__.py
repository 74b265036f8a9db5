"""The prepared image of a `before-all`: its key, who makes it, how an older one gets today's source, what is pruned."""
