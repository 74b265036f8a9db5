"""A Dask cluster whose workers run cells, each with its own machine's engine: the connection, and who offers what."""
