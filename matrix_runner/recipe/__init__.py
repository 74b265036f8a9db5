"""Which commands a cell runs, in which order. Pure: nothing here starts anything."""
