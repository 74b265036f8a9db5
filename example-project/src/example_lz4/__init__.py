"""LZ4 frames, by the system's liblz4: what `compress` makes, the `lz4` command reads, and the other way round."""

from example_lz4._frame import compress, decompress, version

__all__ = ["compress", "decompress", "version"]
