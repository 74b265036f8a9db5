"""The configuration: one table of options, and the reader that resolves it to settings.

The options themselves are constants of `matrix_runner.config.options`.
"""

from matrix_runner.config.loading import FlagValue, load
from matrix_runner.config.option import Option, Section, Source
from matrix_runner.config.options import FLAGS, IMAGES, OPTIONS
from matrix_runner.config.settings import Origin, Settings

__all__ = ["FLAGS", "IMAGES", "OPTIONS", "FlagValue", "Option", "Origin", "Section", "Settings", "Source", "load"]
