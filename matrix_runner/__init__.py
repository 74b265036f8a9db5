"""matrix-runner builds every Linux wheel of a project: each interpreter, 64- and 32-bit, in parallel.

The command line is the public interface; `matrix_runner.cli` is its entrance. ARCHITECTURE.md has the floor plan.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
