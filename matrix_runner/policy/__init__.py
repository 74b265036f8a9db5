"""Analysis of a wheel's ELF files against the platform tag policies, as by auditwheel. Runs nothing of it."""

from matrix_runner.policy.analysis import Analysis, Verdict, analyse
from matrix_runner.policy.code_findings import code_findings
from matrix_runner.policy.demands import Demand, DemandKind, Rung
from matrix_runner.policy.inspection_json import JSONValue, inspection_document
from matrix_runner.policy.inspection_text import Paragraph, describe, distributions_text, lay_out, phrase
from matrix_runner.policy.libraries import Library, Provider
from matrix_runner.policy.library_wording import shortened
from matrix_runner.policy.wheel_needs import wheel_needs
from matrix_runner.policy.wheel_reading import WheelAnatomy, read_wheel

__all__ = (
    "Analysis",
    "Demand",
    "DemandKind",
    "JSONValue",
    "Library",
    "Paragraph",
    "Provider",
    "Rung",
    "Verdict",
    "WheelAnatomy",
    "analyse",
    "code_findings",
    "describe",
    "distributions_text",
    "inspection_document",
    "lay_out",
    "phrase",
    "read_wheel",
    "shortened",
    "wheel_needs",
)
