"""What a cell's build used, as resource descriptors: source, sdist, image, tools, requirements. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from matrix_runner import __version__
from matrix_runner.config.kinds.values import Frontend
from matrix_runner.engine.api import ResolvedImage
from matrix_runner.image.image_request import NAMESPACE
from matrix_runner.project.source_archive import SourceArchive
from matrix_runner.provenance.statement import COMMIT, SOURCE, Resource
from matrix_runner.recipe.frontends.installed_requirements import InstalledRequirement
from matrix_runner.recipe.image_facts import InterpreterFacts
from matrix_runner.recipe.toolbox import Toolbox, calls_auditwheel

if TYPE_CHECKING:
    # A run without an sdist needs nothing of it.
    from matrix_runner.project.made_sdist import MadeSdist

_OF_ENGINE: Final = (f"{NAMESPACE}/", f"docker.io/{NAMESPACE}/", "localhost/")
"""How names begin that no registry has: of images made here, and of Podman's own; engines give those a digest too."""

_ROLE: Final = "role"
_VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.+!-]*")
_TAR: Final = "application/x-tar"


def source_resource(source: SourceArchive) -> Resource:
    """Return the project's files: the commit, if they are just those of it, else the archive of what was packed.

    Raise OSError if that cannot be read.
    """
    revision = source.revision
    if revision is None:
        return Resource(name=SOURCE, digest={"sha256": source.sha256}, media_type=_TAR)
    place = {"directory": revision.directory} if revision.directory else {}
    uri = f"git+{revision.remote}" if revision.remote else ""
    if revision.is_clean:
        at_commit = f"{uri}@{revision.commit}" if uri else ""
        return Resource(
            name=SOURCE, uri=at_commit, digest={COMMIT: revision.commit}, annotations={"isClean": True, **place}
        )
    changed = {"isClean": False, "changedSince": revision.commit, **place}
    return Resource(name=SOURCE, uri=uri, digest={"sha256": source.sha256}, media_type=_TAR, annotations=changed)


def given_sdist(name: str, sha256: str) -> Resource:
    """Return the sdist that a user gave in place of a project's directory."""
    return Resource(name=SOURCE, uri=_file(name), digest={"sha256": sha256})


def made_sdist(sdist: "MadeSdist") -> Resource:
    """Return the sdist that a run made of the source first, and built the wheel from."""
    name = sdist.path.name
    return Resource(name=name, uri=_file(name), digest={"sha256": sdist.sha256}, annotations={_ROLE: "sdist"})


def image_resource(reference: str, image: ResolvedImage) -> Resource:
    """Return the image, by the digest of a registry, or by its id and layers where no registry has it."""
    known = {_ROLE: "image", "imageId": image.id}
    of_registry = _of_registry(reference, image)
    if of_registry:
        repository, _, digest = of_registry.rpartition("@")
        name = repository.rpartition("/")[2]
        uri = f"pkg:oci/{quote(name)}@{quote(digest, safe='')}?repository_url={quote(repository, safe='/.')}"
        return Resource(name=reference, uri=uri, digest=_digest(digest), annotations=known)
    local = {**known, "isLocal": True, "layers": list(image.layers)}
    return Resource(
        name=reference, uri=f"image:{quote(reference, safe='/:@')}", digest=_digest(image.id), annotations=local
    )


def registry_digest(reference: str, image: ResolvedImage) -> str:
    """Return the digest by which a registry has the image, "" if none has it."""
    return _of_registry(reference, image).rpartition("@")[2]


def _of_registry(reference: str, image: ResolvedImage) -> str:
    """Return the image's name in a registry, `repository@digest`; of several the one that the reference names."""
    if reference.startswith(_OF_ENGINE):
        return ""
    names = sorted(name for name in image.digests if not name.startswith(_OF_ENGINE))
    own = [name for name in names if reference.startswith(name.partition("@")[0])]
    return next(iter((*own, *names)), "")


def tool_resources(tools: Toolbox, place: str) -> Iterator[Resource]:
    """Yield the tools that made the wheel. `place`: where those are that the cell found.

    Those of an image have no digest of their own: the image's covers them.
    """
    yield _tool("matrix-runner", __version__, "this program")
    interpreter = tools.interpreter
    yield Resource(
        name=interpreter.directory,
        uri=f"pkg:generic/{tools.cell.interpreter.implementation.name.lower()}@{quote(interpreter.version)}",
        annotations={_ROLE: "interpreter", "of": place},
    )
    yield from _frontend(tools, interpreter, place)
    for name in ("auditwheel", "patchelf") if calls_auditwheel(tools.settings) else ():
        yield _tool(name, _version(tools.facts.tool(name)), place)


def requirement_resources(installed: Iterable[InstalledRequirement]) -> Iterator[Resource]:
    """Yield what the build's environment had."""
    for one in installed:
        annotations: dict[str, object] = {_ROLE: "build requirement"}
        if one.file:
            annotations["file"] = one.file
        if one.is_from_sdist:
            annotations["isBuiltFromSdist"] = True
        if not one.sha256:
            annotations["digest"] = "unknown"
        digest = {"sha256": one.sha256} if one.sha256 else {}
        yield Resource(name=one.name, uri=_package(one.name, one.version), digest=digest, annotations=annotations)


def _frontend(tools: Toolbox, interpreter: InterpreterFacts, place: str) -> Iterator[Resource]:
    match tools.frontend:
        case Frontend.AUTO:
            uses_uv = tools.builds_with_uv
        case Frontend.UV | Frontend.BUILD_UV:
            uses_uv = True
        case Frontend.BUILD | Frontend.PIP:
            uses_uv = False
    if tools.frontend in {Frontend.BUILD, Frontend.BUILD_UV}:
        yield _tool("build", "", "the cell")
    if uses_uv:
        yield _tool("uv", _version(tools.facts.tool("uv")), place)
    elif interpreter.pip and not tools.has_build_environment:
        yield _tool("pip", interpreter.pip, place)


def _tool(name: str, version: str, of: str) -> Resource:
    known = {_ROLE: "tool", "of": of} if version else {_ROLE: "tool", "of": of, "version": "unknown"}
    return Resource(name=name, uri=_package(name, version), annotations=known)


def _package(name: str, version: str) -> str:
    return f"pkg:pypi/{quote(name)}@{quote(version)}" if version else f"pkg:pypi/{quote(name)}"


def _file(name: str) -> str:
    return f"file:{quote(name)}"


def _version(line: str | None) -> str:
    """Return the version in the first line of a tool's `--version`."""
    found = _VERSION.search(line or "")
    return "" if found is None else found[0]


def _digest(text: str) -> dict[str, str]:
    algorithm, colon, value = text.partition(":")
    return {algorithm: value} if colon and value else {}
