"""A small file system, to see what becomes of things on a full disk."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")
"""Mounting takes root; permissions would not do, as root ignores them."""


@contextmanager
def small_disk(path: Path, options: str) -> Iterator[Path]:
    """Make a file system of its own, for as long as the test needs it. `options`: of tmpfs, as `size=8m`."""
    path.mkdir()
    subprocess.run([*AS_ROOT, "mount", "-t", "tmpfs", "-o", f"mode=1777,{options}", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run([*AS_ROOT, "umount", path], check=True)
