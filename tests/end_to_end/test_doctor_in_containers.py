"""What the doctor sees from within a real container, which is gone when it ends."""

from pathlib import Path

from examined import Examined, examine, quiet_environ
from image_source import ImageSource
from played_index import played_index
from runner_process import leftovers, runner_environ
from sample_projects import extension_project, write_project

CELL = "cp311-manylinux_x86_64"
PASSED = 'environment-pass = ["PIP_INDEX_URL", "PIP_NO_INDEX"]'


def examined(images: ImageSource, directory: Path, settings: str = "", *flags: str, **variables: str) -> Examined:
    """Examine a project for which the engine has its image, unless flags name another."""
    project = directory / "project"
    if not project.exists():
        write_project(project, extension_project(settings=settings))
    # The machine's own engine.
    engine = {name: value for name, value in runner_environ().items() if name.startswith(("DOCKER_", "CONTAINER_"))}
    environ = {name: value for name, value in quiet_environ(directory).items() if name != "DOCKER_HOST"}
    seen = examine(project, {**environ, **engine, **variables}, *images.only(CELL), *flags)
    # Of others on this daemon there may be some.
    assert [name for name in leftovers() if name.startswith("matrix-runner-doctor-")] == []
    return seen


def place_of(seen: Examined, name: str) -> list[str]:
    """Return the places from which indexes were asked that have this verdict."""
    facts = [one["facts"] for one in seen.verdicts if one["name"] == name]
    return [str(each["place"]) for each in facts if isinstance(each, dict)]


def test_an_index_that_both_reach(images: ImageSource, tmp_path: Path, address: str) -> None:
    """It is asked twice, and told once; the engine's disk and clock are seen."""
    with played_index(host=address) as index:
        seen = examined(images, tmp_path, PASSED, PIP_INDEX_URL=index.url, PIP_NO_INDEX="")
    assert index.asked == ["/simple/pip/"] * 2
    assert seen.code == 0
    assert "from this machine and from a container of " in str(seen.of("index")["index"]["text"])
    assert [one["about"] for one in seen.verdicts if one["topic"] == "clock"] == ["docker", index.url]
    disk = seen.of("disk")["disk"]
    assert "images and volumes of docker" in str(disk["text"])


def test_an_index_of_this_machine_alone(images: ImageSource, tmp_path: Path) -> None:
    """What listens at this machine's own address is not there in a container, where cells run."""
    with played_index() as index:
        seen = examined(images, tmp_path, PASSED, PIP_INDEX_URL=index.url, PIP_NO_INDEX="")
    assert index.asked == ["/simple/pip/"]
    assert (seen.code, seen.problems["index-unreachable"]) == (4, "error")
    (place,) = place_of(seen, "index-unreachable")
    assert place.startswith("a container of ")


def test_the_network_of_create_args(images: ImageSource, tmp_path: Path, address: str) -> None:
    """A name that only the containers know: what this machine cannot reach is no error, as cells can."""
    arguments = f'create-args = ["--add-host=inner.invalid:{address}"]'
    settings = f'{PASSED}\ncontainer-engine = {{ name = "docker", {arguments} }}'
    with played_index(host=address) as index:
        url = index.url.replace(address, "inner.invalid")
        seen = examined(images, tmp_path, settings, PIP_INDEX_URL=url, PIP_NO_INDEX="")
    assert index.asked == ["/simple/pip/"]
    assert (seen.code, seen.problems["index-unreachable"]) == (0, "warning")
    assert place_of(seen, "index-unreachable") == ["this machine"]
    assert "from a container of " in str(seen.of("index")["index"]["text"])


def test_a_proxy_of_this_machine_alone(images: ImageSource, tmp_path: Path) -> None:
    """It listens, and no container can use it: then the index is out of reach there."""
    with played_index() as proxy:
        address = proxy.url.removesuffix("/simple")
        variables = {"PIP_INDEX_URL": "http://index.invalid/simple", "PIP_NO_INDEX": "", "http_proxy": address}
        seen = examined(images, tmp_path, PASSED, **variables)
    assert proxy.asked == ["http://index.invalid/simple/pip/"]
    assert (seen.code, seen.problems["proxy-loopback"]) == (4, "error")
    assert [place[:11] for place in place_of(seen, "index-unreachable")] == ["a container"]


def test_a_container_that_is_refused(images: ImageSource, tmp_path: Path) -> None:
    """The engine's reason is told: no cell could be opened."""
    settings = 'container-engine = { name = "docker", create-args = ["--network=no-such-network"] }'
    seen = examined(images, tmp_path, settings)
    refused = seen.of("engines")["container-refused"]
    assert (seen.code, refused["level"]) == (4, "error")
    assert "no-such-network" in str(refused["text"])
    assert seen.of("index")["index-unseen"]["level"] == "unknown"


def test_images_that_are_missing_take_room(images: ImageSource, tmp_path: Path) -> None:
    """What is to be fetched counts; what is there does not."""
    there = examined(images, tmp_path)
    fetched = examined(images, tmp_path, "", "--image", "registry.invalid/none:1")
    sizes = [one.of("disk")["disk"]["facts"] for one in (there, fetched)]
    assert isinstance(sizes[0], dict)
    assert isinstance(sizes[1], dict)
    assert sizes[1]["needed"] - sizes[0]["needed"] == 1536 * 1024**2
