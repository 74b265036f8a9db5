"""Units of time and size, with their values in the base unit (seconds, bytes)."""

from collections.abc import Mapping
from types import MappingProxyType

SECONDS: Mapping[str, int] = MappingProxyType({"s": 1, "m": 60, "h": 3600, "d": 86400})

BYTES: Mapping[str, int] = MappingProxyType(
    {"b": 1}
    | {f"{letter}{ending}": 1024**power for power, letter in enumerate("kmgt", start=1) for ending in ("ib", "b", "")}
)
"""Powers of 1024, in every spelling."""
