"""What makes a fresh machine warm: layers of `before-all`, downloads and compiled code, in the cache directory."""
