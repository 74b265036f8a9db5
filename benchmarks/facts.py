"""What a figure means nothing without: the machine, the versions, and what else was going on."""

import os
import platform
from pathlib import Path

from workload import ARCHS, Workload, command

from matrix_runner import __version__


def machine() -> tuple[tuple[str, str], ...]:
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
        ("engine", f"Docker {engine}, {storage}"),
        ("Python", platform.python_version()),
    )


def tools(workload: Workload, peer_python: Path) -> tuple[tuple[str, str], ...]:
    """Return names and versions of the tools and images that take part."""
    find = "from importlib.metadata import version; print(version('cibuildwheel'))"
    identify = ("docker", "image", "inspect", "--format", "{{.Id}}")
    inside = ("docker", "run", "--rm", "--entrypoint", "sh", workload.image(ARCHS[0]), "-c")
    return (
        ("cibuildwheel", command((str(peer_python), "-c", find))),
        ("matrix-runner", __version__),
        *((workload.image(arch), command((*identify, workload.image(arch)))) for arch in ARCHS),
        (
            "in the images",
            "; ".join(
                command(
                    (*inside, "for tool in uv auditwheel; do $tool --version | head -n 1 | cut -d ' ' -f 1,2; done")
                ).splitlines()
            ),
        ),
    )


def load() -> str:
    """Return the machine's load averages of now."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())
