"""What a figure means nothing without: the machine, the versions, and what else was going on."""

import os
import platform
from pathlib import Path

from bench import Bench
from workload import ARCHS, command

from matrix_runner import __version__

Facts = tuple[tuple[str, str], ...]


def machine() -> Facts:
    """Return names and values about this machine and its engine."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    engine = command(("docker", "version", "--format", "{{.Server.Version}} ({{.Server.Os}}/{{.Server.Arch}})"))
    storage = command(("docker", "info", "--format", "{{.Driver}}"))
    return (
        ("processors", f"{len(os.sched_getaffinity(0))} x {', '.join(sorted(models)) or platform.machine()}"),
        ("memory", f"{pages / 2**30:.1f} GiB"),
        ("kernel", f"{platform.system()} {platform.release()}"),
        ("engine", f"Docker {engine}, {storage} on {_file_system()}"),
        ("Python", platform.python_version()),
    )


def _file_system() -> str:
    """Return what Docker's data are on. ext4 without a journal does not take inodes that were freed a minute ago.

    Whoever comes after a contender that deleted thousands of files then pays for it (kernel, `recently_deleted`).
    """
    root = command(("docker", "info", "--format", "{{.DockerRootDir}}"))
    if not Path(root).exists():
        return "a disk that only the engine sees"
    ask = ("findmnt", "--noheadings", "--nofsroot", "--output", "FSTYPE,SOURCE", "--target", root)
    # The last line: mounts may lie on each other.
    kind, device = command(ask).splitlines()[-1].split()
    journal = Path("/sys/fs/ext4", Path(device).name, "journal_task")
    has_journal = not journal.exists() or journal.read_text(encoding="utf-8").strip() != "<none>"
    return kind if has_journal else f"{kind} without a journal"


def versions(bench: Bench) -> Facts:
    """Return names and versions of the tools and images that take part."""
    find = "from importlib.metadata import version; print(version('cibuildwheel'))"
    identify = ("docker", "image", "inspect", "--format", "{{.Id}}")
    images = tuple(f"{bench.images}_{arch}" for arch in ARCHS)
    inside = ("docker", "run", "--rm", "--entrypoint", "sh", images[0], "-c")
    ask = "for tool in uv auditwheel; do $tool --version | head -n 1 | cut -d ' ' -f 1,2; done"
    return (
        ("cibuildwheel", command((str(bench.peer.python), "-c", find))),
        ("matrix-runner", f"{__version__}{_commit()}"),
        *((image, command((*identify, image))) for image in images),
        ("in the images", "; ".join(command((*inside, ask)).splitlines())),
    )


def load() -> str:
    """Return the machine's load averages of now."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def _commit() -> str:
    """Return the checkout's commit in brackets, with a `+` for changes; "" outside of a checkout."""
    here = Path(__file__).parent
    if not (here.parent / ".git").exists():
        return ""
    commit = command(("git", "rev-parse", "--short", "HEAD"), cwd=here)
    changed = command(("git", "status", "--porcelain", "--untracked-files=no", "--", "../matrix_runner"), cwd=here)
    return f" ({commit}{'+' if changed else ''})"
