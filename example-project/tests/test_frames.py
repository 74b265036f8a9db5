"""What the extension does. Standard library only: testing a wheel should download nothing."""

import sys
import sysconfig
import unittest

import example_lz4


class Frames(unittest.TestCase):
    def test_round_trip(self):
        """Whatever goes in comes out again."""
        for plain in (b"", b"x", b"wheels " * 10_000, bytes(range(256)) * 4096):
            with self.subTest(length=len(plain)):
                self.assertEqual(example_lz4.decompress(example_lz4.compress(plain)), plain)

    def test_repetition_shrinks(self):
        """It does compress."""
        self.assertLess(len(example_lz4.compress(b"wheels " * 10_000)), 1000)

    def test_any_buffer(self):
        """Not only bytes: whatever gives a buffer."""
        frame = example_lz4.compress(memoryview(b"abc"))
        self.assertEqual(example_lz4.decompress(bytearray(frame)), b"abc")

    def test_format_is_the_published_one(self):
        """A frame starts with the magic number of the LZ4 frame format, whatever the machine's byte order."""
        self.assertEqual(example_lz4.compress(b"abc")[:4], b"\x04\x22\x4d\x18")

    def test_damage_is_noticed(self):
        """A frame that is cut, changed or followed by something is a ValueError, at whatever place."""
        frame = example_lz4.compress(b"wheels " * 20)
        damaged = [frame[:length] for length in range(len(frame))] + [frame + b"x", b"wheels", b"wheels " * 20]
        damaged += [frame[:place] + bytes([frame[place] ^ 0x10]) + frame[place + 1 :] for place in range(4, len(frame))]
        for bad in damaged:
            with self.subTest(frame=bad), self.assertRaises(ValueError):
                example_lz4.decompress(bad)

    def test_text_is_refused(self):
        """Text has no bytes until it is encoded."""
        with self.assertRaises(TypeError):
            example_lz4.compress("text")

    def test_gil_stays_as_it_was(self):
        """Importing it does not switch the GIL back on in a free-threaded Python."""
        is_gil_enabled = getattr(sys, "_is_gil_enabled", lambda: True)  # Python 3.13 brought the question
        self.assertEqual(is_gil_enabled(), not sysconfig.get_config_var("Py_GIL_DISABLED"))


if __name__ == "__main__":
    unittest.main()
