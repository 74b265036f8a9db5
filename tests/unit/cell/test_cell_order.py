"""The order in which cells start when nothing is known of how long they take."""

from planning import job_for

from matrix_runner import catalog
from matrix_runner.cell.cell_tasks import alternate_images
from matrix_runner.matrix import Job

CATALOG = catalog.load()


def jobs(*identifiers: str) -> tuple[Job, ...]:
    """Return jobs, in this order."""
    return tuple(job_for(identifier, CATALOG) for identifier in identifiers)


def test_no_python_is_in_two_images_at_once() -> None:
    """Images alternate, the 32-bit one first; each begins with another Python, whose bytecode the next one finds."""
    pythons, platforms = ("cp39", "cp311", "cp313"), ("manylinux_x86_64", "manylinux_i686")
    identifiers = [f"{python}-{platform}" for platform in platforms for python in pythons]
    order = alternate_images(jobs(*identifiers))
    assert [str(job.cell) for job in order] == [
        "cp39-manylinux_i686",
        "cp311-manylinux_x86_64",
        "cp311-manylinux_i686",
        "cp313-manylinux_x86_64",
        "cp313-manylinux_i686",
        "cp39-manylinux_x86_64",
    ]


def test_images_of_different_lengths() -> None:
    """The longer one's last cells follow; no job is lost or doubled."""
    given = jobs("cp39-manylinux_x86_64", "cp311-manylinux_x86_64", "cp313-manylinux_x86_64", "cp39-manylinux_i686")
    order = alternate_images(given)
    assert sorted(str(job.cell) for job in order) == sorted(str(job.cell) for job in given)
    assert alternate_images(()) == ()
