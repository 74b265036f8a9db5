"""Building the documentation site, as `make site` does it."""

import subprocess
import sys
from pathlib import Path


def build(directory: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of the pages in a directory; return how it ended and what was printed."""
    argv = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    return subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=False)
