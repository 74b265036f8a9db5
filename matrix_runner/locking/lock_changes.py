"""What changed from one lock to another, in lines for whoever is about to commit it. Pure."""

from collections.abc import Iterator

from matrix_runner.locking.lock_values import Lock, LockedFile, LockedImage
from matrix_runner.wording import first_of


def lock_changes(old: Lock, new: Lock) -> tuple[str, ...]:
    """Return a line for each image, package and cell that is new, gone or another."""
    return (*_images(old, new), *_packages(old, new), *_cells(old, new))


def _images(old: Lock, new: Lock) -> Iterator[str]:
    before = {(each.name, each.arch): each for each in old.images}
    after = {(each.name, each.arch): each for each in new.images}
    for key in sorted(before.keys() | after.keys()):
        one, other = before.get(key), after.get(key)
        if one != other:
            yield f"image {' '.join(key)}: {_image(one)} -> {_image(other)}"


def _image(image: LockedImage | None) -> str:
    return "none" if image is None else (image.digest or image.image_id)[:19]


def _packages(old: Lock, new: Lock) -> Iterator[str]:
    before, after = _versions(old), _versions(new)
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name, {}), after.get(name, {})
        gone, come = sorted(one.keys() - other.keys()), sorted(other.keys() - one.keys())
        if gone or come:
            yield f"{name}: {', '.join(gone) or 'none'} -> {', '.join(come) or ('none' if not other else 'as others')}"
            continue
        exchanged = [
            file.name for version in other for file in other[version] if _is_another(file, one.get(version, ()))
        ]
        if exchanged:
            yield f"{name}: another hash of {first_of(exchanged, 3)}"


def _is_another(file: LockedFile, before: tuple[LockedFile, ...]) -> bool:
    return any(each.name == file.name and each.sha256 != file.sha256 for each in before)


def _versions(lock: Lock) -> dict[str, dict[str, tuple[LockedFile, ...]]]:
    found: dict[str, dict[str, tuple[LockedFile, ...]]] = {}
    for each in lock.packages:
        found.setdefault(each.name, {})[each.version] = each.files
    return found


def _cells(old: Lock, new: Lock) -> Iterator[str]:
    before = [str(cell) for each in old.environments for cell in each.cells]
    after = [str(cell) for each in new.environments for cell in each.cells]
    for word, cells in (("new", sorted(set(after) - set(before))), ("gone", sorted(set(before) - set(after)))):
        if cells:
            yield f"cells that are {word}: {first_of(cells, 6)}"
