"""What a wheel needs of a system, held against what each platform tag promises. Nothing of a wheel is run."""

from matrix_runner.policy.analysis import Analysis, Library, Place, Verdict, analyse
from matrix_runner.policy.demands import Demand, Kind, Rung
from matrix_runner.policy.reading import WheelAnatomy, read_wheel
from matrix_runner.policy.record import JSONValue, record
from matrix_runner.policy.wording import Line, describe, lay_out, phrase, shortened

__all__ = (
    "Analysis",
    "Demand",
    "JSONValue",
    "Kind",
    "Library",
    "Line",
    "Place",
    "Rung",
    "Verdict",
    "WheelAnatomy",
    "analyse",
    "describe",
    "lay_out",
    "phrase",
    "read_wheel",
    "record",
    "shortened",
)
