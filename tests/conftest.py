"""What every tier shares."""

import sys
from pathlib import Path

# Builders that several tiers use are modules here (`wheel_builder`); with --import-mode=importlib pytest adds no path.
sys.path.append(str(Path(__file__).parent))
