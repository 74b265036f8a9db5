"""Parser of `create-args`, the options of `docker create`."""
