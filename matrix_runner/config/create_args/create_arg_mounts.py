"""Parsers of the mount options of `docker create`: --volume, --mount, --tmpfs. All raise InvalidValue."""

import re

from matrix_runner.config.create_args.container_arguments import Mount, MountKind
from matrix_runner.config.create_args.create_arg_values import absolute, boolean, fields, size
from matrix_runner.config.mistakes import InvalidValue, quote, unknown

_VOLUME_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def target(text: str) -> str:
    """Read the target of a mount."""
    path = absolute(text)
    if not path.strip("/"):
        raise InvalidValue.because("nothing can be mounted over / itself")
    return path


def volume(text: str) -> tuple[str, str]:
    """Read `[SOURCE:]TARGET[:OPTIONS]`; return the bind, or the target of an anonymous volume: one is empty."""
    parts = text.split(":")
    if len(parts) == 1:
        return "", target(parts[0])
    if len(parts) > 3:
        raise InvalidValue.because(f"expected SOURCE:TARGET or SOURCE:TARGET:OPTIONS, got {quote(text)}")
    _source(parts[0])
    target(parts[1])
    return text, ""


def _source(text: str) -> str:
    """Check a source: a path or a volume's name."""
    if not _VOLUME_NAME.fullmatch(text):
        absolute(text, "path on this machine, or the name of a volume")
    return text


def tmpfs(text: str) -> tuple[str, str]:
    """Read `TARGET[:OPTIONS]`."""
    path, _, options = text.partition(":")
    return target(path), options


_MOUNT_KEYS = {
    "type": "type",
    "source": "source",
    "src": "source",
    "target": "target",
    "destination": "target",
    "dst": "target",
    "readonly": "readonly",
    "ro": "readonly",
    "bind-propagation": "bind-propagation",
    "tmpfs-size": "tmpfs-size",
    "tmpfs-mode": "tmpfs-mode",
}


def mount(text: str) -> Mount:
    """Read `type=bind,source=/a,target=/b,readonly`; the default type is a volume."""
    found: dict[str, str] = {}
    for field in fields(text):
        key, equals, value = field.partition("=")
        if key.strip().lower() not in _MOUNT_KEYS:
            raise unknown("key", key, dict.fromkeys(_MOUNT_KEYS))
        found[_MOUNT_KEYS[key.strip().lower()]] = value if equals else "true"
    kinds = {str(kind): kind for kind in MountKind}
    kind = found.get("type", "volume")
    if kind not in kinds:
        raise unknown("type", kind, kinds)
    if "target" not in found:
        raise InvalidValue.because(f"a mount needs a target, got {quote(text)}")
    made = Mount(
        kind=kinds[kind],
        target=target(found["target"]),
        source=found.get("source", ""),
        read_only=boolean(found.get("readonly", "false")),
        propagation=found.get("bind-propagation", ""),
        tmpfs_size=size(found["tmpfs-size"]) if "tmpfs-size" in found else 0,
        tmpfs_mode=_mode(found["tmpfs-mode"]) if "tmpfs-mode" in found else None,
    )
    match made.kind:
        case MountKind.BIND:
            absolute(made.source, "source on this machine")
        case MountKind.VOLUME if made.source and not _VOLUME_NAME.fullmatch(made.source):
            raise InvalidValue.because(
                f"expected the name of a volume, got {quote(made.source)}; a path needs type=bind"
            )
        case MountKind.TMPFS if made.source:
            raise InvalidValue.because(f"a tmpfs has no source, got {quote(made.source)}")
        case _:
            pass
    return made


def _mode(text: str) -> int:
    if not re.fullmatch(r"[0-7]{1,4}", text):
        raise InvalidValue.because(f"expected an octal mode such as 1777, got {quote(text)}")
    return int(text, 8)
