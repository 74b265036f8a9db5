"""Which finished cells need not run again: keys, look-up, history."""
