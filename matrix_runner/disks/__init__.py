"""Disks: the room on the file systems that a run writes to, against what it is likely to take."""
