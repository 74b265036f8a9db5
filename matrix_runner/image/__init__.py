"""Images in the manylinux layout, made on this machine where none can be pulled."""
