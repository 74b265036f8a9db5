"""The bytes that a carried directory cannot do without: what `before-all` added, compressed; compiler caches; wheels.

Taken from the engine and the output directory by other means than ours: layers of the prepared images by `docker save`,
compressed by zstd as it comes; the compiler caches' own sizes by `du` in their volumes.
"""

import gzip
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import zstandard
from tools import items_of
from workload import Workload, command

from matrix_runner.container.project_volumes import LABEL_PURPOSE
from matrix_runner.engine.api import PersistentItem, PersistentKind

_CACHES: Final = ("ccache", "sccache")


def bytes_needed(workload: Workload, home: Path, output: Path) -> int:
    """Return the bytes for what a run has kept in the engine under `home`, and for its wheels."""
    items = items_of(home)
    images = [item for item in items if item.kind is PersistentKind.IMAGE]
    volumes = [item for item in items if item.kind is PersistentKind.VOLUME and _purpose(item) in _CACHES]
    base = workload.image(workload.archs[0])
    return (
        sum(_added(item.name, workload) for item in images)
        + sum(_size(item.name, base) for item in volumes)
        + sum(wheel.stat().st_size for wheel in output.glob("*.whl"))
    )


def _purpose(item: PersistentItem) -> str:
    return dict(item.labels).get(LABEL_PURPOSE, "")


def _added(image: str, workload: Workload) -> int:
    """Return the compressed size of the layers that an image has and the one that it was made of has not."""
    layers, bases = _layers(image), [_layers(workload.image(arch)) for arch in workload.archs]
    base = max((known for known in bases if layers[: len(known)] == known), key=len)
    with tempfile.TemporaryDirectory(dir=workload.source.parent) as room:
        archive = Path(room, "image.tar")
        command(("docker", "save", "--output", str(archive), image))
        with tarfile.open(archive) as tar:
            manifest = tar.extractfile("manifest.json")
            assert manifest is not None  # noqa: S101  docker save writes it
            (entry,) = json.load(manifest)
            return sum(_compressed(tar, name) for name in entry["Layers"][len(base) :])


def _layers(image: str) -> list[str]:
    argv = ("docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", image)
    return list(json.loads(subprocess.run(argv, check=True, capture_output=True).stdout))


def _compressed(tar: tarfile.TarFile, name: str) -> int:
    layer = tar.extractfile(name)
    assert layer is not None  # noqa: S101  the manifest names it
    begin = layer.read(4)
    layer.seek(0)
    # containerd's store gives layers as they were committed: gzip, or plain.
    content = gzip.decompress(layer.read()) if begin[:2] == b"\x1f\x8b" else layer.read()
    return len(zstandard.ZstdCompressor(level=3).compress(content))


def _size(volume: str, image: str) -> int:
    argv = ("docker", "run", "--rm", "--volume", f"{volume}:/v:ro", image, "du", "-sb", "/v")
    return int(subprocess.run(argv, check=True, capture_output=True).stdout.split()[0])
