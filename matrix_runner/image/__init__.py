"""Images in the manylinux layout, built on this machine from Debian packages where none can be pulled."""
