"""The command that installs packages of the system, whichever distribution an image is made from."""

from collections.abc import Iterable, Sequence
from typing import Final

from matrix_runner.catalog.system_packages import PackageManager, SystemPackage

_COMMANDS: Final = {
    PackageManager.APK: "apk add --no-cache {}",
    PackageManager.APT: "apt-get update && apt-get install -y {}",
    PackageManager.DNF: "dnf install -y {}",
    PackageManager.YUM: "yum install -y {}",
}


def installation_of(packages: Sequence[SystemPackage]) -> str:
    """Return a shell command, of several lines, that installs them where it runs.

    manylinux images have dnf or yum, musllinux ones apk, images made here apt-get.
    """
    names = {manager: _names(packages, manager) for manager in _COMMANDS}
    # yum is another name for dnf where both are.
    managers = [PackageManager.APK, PackageManager.APT]
    if names[PackageManager.YUM] != names[PackageManager.DNF]:
        managers.append(PackageManager.DNF)
    managers.append(PackageManager.YUM)
    lines: list[str] = []
    for manager in managers:
        command = _COMMANDS[manager].format(" ".join(names[manager])) if names[manager] else "true"
        is_last = manager is managers[-1]
        word = "else " if is_last else f"{'elif' if lines else 'if'} command -v {manager.program} >/dev/null; then "
        lines.append(f"{word}{command}")
    return "\n".join((*lines, "fi"))


def missing_in(packages: Iterable[SystemPackage], manager: PackageManager) -> tuple[SystemPackage, ...]:
    """Return the packages that the distribution of a manager has not."""
    return tuple(package for package in packages if package.named(manager) is None)


def _names(packages: Iterable[SystemPackage], manager: PackageManager) -> list[str]:
    found = (package.named(manager) for package in packages)
    return sorted({name for names in found if names for name in names.split()})
