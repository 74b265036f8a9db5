"""When a cell is late, so that another node that has nothing to do may run it as well. Pure; in simulations only.

A duplicate takes nothing from anybody, as it starts only where nothing else can; it costs what it moves and the power.
So it is worth a start as soon as the cell is likelier to be on a slow machine than to be a slow cell. Let one machine
in n be slow, and let the logarithm of a cell's time against what is expected have the spread s. Of the cells that have
not ended after k times their time, those on slow machines are 1/n, the others the tail of the normal distribution
beyond ln(k)/s: both are alike at k = exp(s * z), where z has the tail 1/n. With s = 0.15 and a slow machine in a
thousand that is 1.6, with s = 0.25 it is 2.2.
"""

from typing import Final

TIMES: Final = 2.0
"""Times the expected seconds after which a cell is late: between the two."""

LEAST: Final = 30.0
"""Seconds of which a cell is not late however short it is: fetching its image or a full disk's moment take as long."""


def late_after(expected: float) -> float:
    """Return the seconds after its beginning at which a cell is late, that it waited for slots among them."""
    return max(TIMES * expected, LEAST)
