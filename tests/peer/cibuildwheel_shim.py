"""A stand-in for the peer's command: reads its command line and does the same with ours.

Not installed by anything. `python tests/peer/cibuildwheel_shim.py --platform linux --print-build-identifiers PACKAGE`
"""

import argparse
import subprocess
import sys


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the peer's command line."""
    parser = argparse.ArgumentParser(prog="cibuildwheel", allow_abbrev=False)
    parser.add_argument("package", metavar="PACKAGE", nargs="?", default=".")
    parser.add_argument("--platform", choices=("auto", "linux"), default="auto")
    parser.add_argument("--archs")
    parser.add_argument("--only", metavar="IDENTIFIER")
    parser.add_argument("--enable", metavar="GROUP", action="append", default=[])
    parser.add_argument("--config-file")
    parser.add_argument("--output-dir")
    parser.add_argument("--print-build-identifiers", action="store_true")
    parser.add_argument("--allow-empty", action="store_true")
    parser.add_argument("--debug-traceback", action="store_true")
    return parser.parse_args(arguments)


def translate(given: argparse.Namespace) -> list[str]:
    """Return the words of our command that do what the peer's would."""
    words = ["plan", "--format", "identifiers"] if given.print_build_identifiers else ["build"]
    if given.only:
        # There, the one identifier counts, whatever the configuration leaves out.
        words += ["--only", given.only, "--skip", "", "--archs", "all", "--enable", "all"]
    elif given.archs:
        words += ["--archs", given.archs]
    words += [word for group in given.enable for word in ("--enable", group)]
    words += ["--config-file", given.config_file] if given.config_file else []
    words += ["--output-dir", given.output_dir] if given.output_dir and not given.print_build_identifiers else []
    # To print no identifier is no error there.
    words += ["--allow-empty"] if given.allow_empty or given.print_build_identifiers else []
    words += ["--debug-traceback"] if given.debug_traceback else []
    return [*words, "--", given.package]


def main(arguments: list[str]) -> int:
    """Run our command; return its exit code, which is the peer's for a mistake (2) and for nothing selected (3)."""
    command = (sys.executable, "-m", "matrix_runner", *translate(parse(arguments)))
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
