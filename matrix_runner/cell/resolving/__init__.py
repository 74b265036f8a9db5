"""What a cell's images and installers choose, for a lock: resolved in its container, where a wheel would be built."""
