"""What every tier shares."""

import sys
from pathlib import Path

from hypothesis import settings

# Builders that several tiers use are modules here (`wheel_builder`); with --import-mode=importlib pytest adds no path.
sys.path.append(str(Path(__file__).parent))

# A deadline is an assertion about time, which a busy machine breaks.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
