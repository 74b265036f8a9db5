"""The environment and directories of the caller, as a value: no engine reads the environment itself."""

from collections.abc import Mapping
from pathlib import Path

import msgspec


class EngineSurroundings(msgspec.Struct, frozen=True, kw_only=True):
    """Variables and directories for engines, the same for every engine of a process.

    `environ`: the caller's variables, among them addresses of daemons, proxies and certificates; commands of the local
    engine inherit them. `state_dir`: for the locks of runs, and lasting records; the same for all runs of a user.
    `work_dir`: for the files of the local engine: its cells' directories, persistent images and volumes.
    """

    environ: Mapping[str, str]
    state_dir: Path
    work_dir: Path
