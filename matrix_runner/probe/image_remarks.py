"""Remarks on probed images: choices that only an image decides, tools that are too old or do not start."""

from collections.abc import Iterator, Mapping, Sequence

from matrix_runner.matrix import Job
from matrix_runner.probe.probed_images import ProbedImages
from matrix_runner.recipe.certificates import old_uv
from matrix_runner.recipe.commands import passed_variables
from matrix_runner.recipe.toolbox import choice_remark_for


def image_remarks(jobs: Sequence[Job], images: ProbedImages, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each choice and unusable tool that no plan can foresee, once. `environ`: the caller's."""
    return tuple(dict.fromkeys(_remarks(jobs, images, environ)))


def _remarks(jobs: Sequence[Job], images: ProbedImages, environ: Mapping[str, str]) -> Iterator[str]:
    for job in jobs:
        image = images.image(job)
        if image is not None:
            passed = tuple(name for name, value in passed_variables(job.settings, environ) if value)
            choice = choice_remark_for(job.cell, job.settings, image.facts, passed)
            for name, reason in image.facts.broken:
                yield f"{name} of {image.display_name} does not start, and counts as absent: {reason}"
            yield from (text for text in (choice, old_uv(image.facts.tool("uv"), image.display_name)) if text)
