"""A workspace: several packages in one run, and the wheels that cells of one need of another's."""
