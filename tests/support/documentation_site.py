"""Building the documentation site, as `make site` does it."""

import re
import subprocess
import sys
from pathlib import Path


def build(directory: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of the pages in a directory; return how it ended and what was printed."""
    argv = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=False)
    # It paints each letter of what is wrong, whatever it writes to.
    done.stdout, done.stderr = (re.sub(r"\x1b\[[\d;]*m", "", text) for text in (done.stdout, done.stderr))
    return done
