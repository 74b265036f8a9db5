"""What a built wheel gets from its cell besides the repair: a bill of unowned libraries, a statement of provenance."""
