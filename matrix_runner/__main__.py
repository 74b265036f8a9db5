"""`python -m matrix_runner`, the same as `runner`."""

from matrix_runner.cli import main

if __name__ == "__main__":
    main()
