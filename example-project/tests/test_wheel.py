"""What is true of the finished wheel only: not of a plain `pip install .`, which uses the system's library."""

import struct
import sys
import unittest
from pathlib import Path

import example_lz4


class Wheel(unittest.TestCase):
    def test_library_comes_from_the_wheel(self):
        """The liblz4 in this process is the one that auditwheel put into the wheel, not the system's."""
        maps = Path("/proc/self/maps").read_text(encoding="utf-8")
        loaded = {Path(line.split(maxsplit=5)[5]) for line in maps.splitlines() if "liblz4" in line}
        self.assertEqual(len(loaded), 1, loaded)
        self.assertEqual(loaded.pop().parent.name, "example_lz4.libs")

    def test_same_width_as_python(self):
        """The extension's machine code is as wide as the Python that loads it."""
        elf = Path(example_lz4._frame.__file__).read_bytes()
        self.assertEqual(elf[:4], b"\x7fELF")
        self.assertEqual({1: 32, 2: 64}[elf[4]], 8 * struct.calcsize("P"), sys.version)


if __name__ == "__main__":
    unittest.main()
