"""What the doctor says of real faults: full disks, dead proxies, broken certificates, indexes, wrong clocks, git."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from examined import Examined, examine, files_below, quiet_environ
from played_index import played_index
from small_disk import AS_ROOT, small_disk

LOCAL = ("--engine", "local")

PYPROJECT = '[project]\nname = "demo"\nversion = "1"\n'


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(PYPROJECT)
    return project


@pytest.fixture(name="nobody_listens")
def _nobody_listens() -> Iterator[int]:
    """Return a port at which nobody listens, and nobody else can until the test ends."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def at_index(project: Path, url: str, *arguments: str, **variables: str) -> Examined:
    """Examine a project whose requirements come from an index, on this machine itself."""
    environ = quiet_environ(project.parent, PIP_INDEX_URL=url, PIP_NO_INDEX="", **variables)
    return examine(project, environ, *(arguments or LOCAL))


def certificate(directory: Path) -> Path:
    """Make a certificate for this machine's address, signed by itself, and its key, in one file."""
    made = directory / "own.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=own -addext subjectAltName=IP:127.0.0.1"
    argv = ("openssl", *words.split(), "-keyout", str(made), "-out", str(directory / "certificate.pem"))
    subprocess.run(argv, check=True, capture_output=True)
    made.write_text(made.read_text() + (directory / "certificate.pem").read_text())
    return made


def test_nothing_wrong(project: Path) -> None:
    """A machine on which nothing is wrong is told so, and nothing is left behind but the memory of its Pythons."""
    with played_index() as index:
        seen = at_index(project, index.url)
    assert index.asked == ["/simple/pip/"]
    assert seen.code == 0
    assert seen.errors == ""
    assert {name for name, level in seen.problems.items() if level == "error"} == set()
    assert seen.of("index")["index"]["about"] == index.url
    assert list(files_below(project)) == ["pyproject.toml"]
    state = project.parent / "XDG_STATE_HOME/matrix-runner"
    assert {name.partition("/")[0] for name in files_below(state)} <= {"pythons"}


def test_a_disk_that_is_full(project: Path) -> None:
    """The directory of the cache is on a file system without room; how much is missing is said."""
    with small_disk(project.parent / "disk", "size=4m") as disk:
        seen = examine(project, quiet_environ(project.parent, XDG_CACHE_HOME=str(disk / "cache")), *LOCAL)
    full = seen.of("disk")["disk-full"]
    assert seen.code == 4
    assert str(full["about"]).startswith(str(disk))
    assert "4.0 MiB free" in str(full["text"])
    assert "runner cache prune" in str(full["remedy"])
    facts = full["facts"]
    assert isinstance(facts, dict)
    assert facts["free"] == 4 * 1024**2 < facts["needed"]


def test_a_disk_with_little_room(project: Path) -> None:
    """Less than a run is likely to take is a warning, as nobody knows for sure."""
    with small_disk(project.parent / "disk", "size=64m") as disk:
        seen = examine(project, quiet_environ(project.parent), *LOCAL, "--output-dir", str(disk / "out"))
    assert seen.problems["disk-low"] == "warning"


def test_a_disk_without_inodes(project: Path) -> None:
    """Room for bytes is no room for files."""
    with small_disk(project.parent / "disk", "size=900m,nr_inodes=40") as disk:
        seen = examine(project, quiet_environ(project.parent), *LOCAL, "--output-dir", str(disk / "out"))
    assert seen.problems["disk-inodes"] == "error"


def test_a_directory_that_cannot_be_written_to(project: Path) -> None:
    """A read-only file system, which root's rights do not open."""
    with small_disk(project.parent / "disk", "size=900m") as disk:
        subprocess.run([*AS_ROOT, "mount", "-o", "remount,ro", disk], check=True)
        seen = examine(project, quiet_environ(project.parent), *LOCAL, "--output-dir", str(disk / "out"))
    unusable = seen.of("disk")["directory-unusable"]
    assert (unusable["level"], unusable["about"]) == ("error", str(disk / "out"))
    assert "read-only" in str(unusable["text"])


def test_a_cache_that_cannot_be_written_to(project: Path) -> None:
    """A run goes on without it, so it is a warning."""
    with small_disk(project.parent / "disk", "size=1m") as disk:
        environ = quiet_environ(project.parent)
        full = examine(project, environ, *LOCAL, "--cache-dir", str(disk / "cache"))
        subprocess.run([*AS_ROOT, "mount", "-o", "remount,ro", disk], check=True)
        closed = examine(project, environ, *LOCAL, "--cache-dir", str(disk / "cache"))
    assert (full.code, full.problems["disk-full"]) == (0, "warning")
    assert (closed.code, closed.problems["directory-unusable"]) == (0, "warning")


def test_a_place_for_wheels_that_is_a_file(project: Path) -> None:
    """It cannot be a directory."""
    (project / "out").write_text("")
    seen = examine(project, quiet_environ(project.parent), *LOCAL, "--output-dir", "out")
    assert "is no directory" in str(seen.of("disk")["directory-unusable"]["text"])


def test_a_proxy_that_nobody_listens_at(project: Path, nobody_listens: int) -> None:
    """The variable is named, its password is not; the index behind it cannot be reached."""
    proxy = f"http://me:hunter22@127.0.0.1:{nobody_listens}"
    seen = at_index(project, "http://index.invalid/simple", http_proxy=proxy)
    assert seen.code == 4
    dead = seen.of("proxies")["proxy-unreachable"]
    assert (dead["level"], dead["about"]) == ("error", "http_proxy")
    assert f"http_proxy=http://***@127.0.0.1:{nobody_listens} cannot be reached: Connection refused" == dead["text"]
    assert seen.problems["index-unreachable"] == "error"
    assert "hunter22" not in str(seen.document)


def test_a_proxy_that_is_in_the_way_of_nothing(project: Path, nobody_listens: int) -> None:
    """Where the index is reached without it, it is a warning."""
    with played_index() as index:
        seen = at_index(project, index.url, http_proxy=f"127.0.0.1:{nobody_listens}", no_proxy="127.0.0.1")
    assert (seen.code, seen.problems["proxy-unreachable"]) == (0, "warning")


def test_a_proxy_that_is_no_address(project: Path) -> None:
    """Words are no proxy."""
    seen = examine(project, quiet_environ(project.parent, HTTPS_PROXY="not an address"), *LOCAL)
    assert seen.problems["proxy-malformed"] == "error"


def test_a_proxy_that_no_container_can_use(project: Path) -> None:
    """An address of this machine for itself means the container itself in there, unless it shares the network."""
    with played_index() as index:
        proxy = index.url.removesuffix("/simple")
        environ = quiet_environ(project.parent, HTTPS_PROXY=proxy)
        seen = examine(project, environ)
        shared = environ | {"MATRIX_RUNNER_CONTAINER_ENGINE": "docker; create-args: --network=host"}
        assert "proxy-loopback" not in examine(project, shared).problems
        assert "proxy-loopback" not in examine(project, environ, *LOCAL).problems
    loopback = seen.of("proxies")["proxy-loopback"]
    assert (loopback["level"], loopback["about"]) == ("error", "HTTPS_PROXY")
    assert "--network=host" in str(loopback["remedy"])


def test_a_bundle_that_is_broken(project: Path) -> None:
    """A file without certificates, and one that is cut off in the middle of one."""
    bundle = project.parent / "broken.pem"
    whole = Path(certifi.where()).read_text("utf-8")
    for text in ("these are no certificates\n", whole[: whole.index("-----END") - 40]):
        bundle.write_text(text)
        seen = examine(project, quiet_environ(project.parent, SSL_CERT_FILE=str(bundle)), *LOCAL)
        broken = seen.of("certificates")["bundle-broken"]
        assert (seen.code, broken["level"], broken["about"]) == (4, "error", "SSL_CERT_FILE")
        assert f"{bundle} is no bundle" in str(broken["text"])


def test_a_bundle_that_is_not_there(project: Path) -> None:
    """Here pip would fail with it; in containers nobody is told of it."""
    variables = {"PIP_CERT": "/nonexistent/ca.pem", "REQUESTS_CA_BUNDLE": certifi.where()}
    environ = quiet_environ(project.parent, **variables)
    assert examine(project, environ, *LOCAL).problems["bundle-missing"] == "error"
    in_containers = examine(project, environ)
    assert in_containers.problems["bundle-missing"] == "warning"
    assert "passed to containers" in str(in_containers.of("certificates")["bundle"]["text"])


def test_an_index_with_a_certificate_of_its_own(project: Path) -> None:
    """It is not trusted until a variable names the bundle."""
    own = certificate(project.parent)
    with played_index(certificate=own) as index:
        distrusted = at_index(project, index.url)
        trusted = at_index(project, index.url, SSL_CERT_FILE=str(project.parent / "certificate.pem"))
        unverified = at_index(project, index.url, PIP_TRUSTED_HOST="127.0.0.1")
    refused = distrusted.of("index")["index-unreachable"]
    assert (distrusted.code, refused["level"]) == (4, "error")
    assert "certificate is not trusted" in str(refused["text"])
    assert "SSL_CERT_FILE" in str(refused["remedy"])
    assert (trusted.code, unverified.code) == (0, 0)


@pytest.mark.parametrize(
    ("status", "level", "words"),
    [
        (401, "error", "wants a login"),
        (403, "error", "wants a login"),
        (407, "error", "proxy"),
        (404, "warning", "no project pip"),
        (503, "error", "503"),
    ],
)
def test_an_index_that_refuses(project: Path, status: int, level: str, words: str) -> None:
    """Each refusal has its own remedy."""
    with played_index(status=status) as index:
        seen = at_index(project, index.url)
    refused = seen.of("index")["index-refuses"]
    assert (refused["level"], seen.code) == (level, 4 if level == "error" else 0)
    assert words in str(refused["text"])
    assert refused["remedy"]


def test_an_index_that_wants_a_login(project: Path) -> None:
    """It stands in the address, or in .netrc; it is shown nowhere."""
    with played_index(login="me:hunter22") as index:
        refused = at_index(project, index.url)
        told = at_index(project, index.url.replace("//", "//me:hunter22@"))
        netrc = project.parent / "HOME/.netrc"
        netrc.write_text("machine 127.0.0.1 login me password hunter22\n")
        netrc.chmod(0o600)
        kept = at_index(project, index.url)
    assert (refused.code, told.code, kept.code) == (4, 0, 0)
    assert "wants a login" in str(refused.of("index")["index-refuses"]["text"])
    assert str(told.of("index")["index"]["about"]).startswith("http://***@127.0.0.1")
    assert "hunter22" not in str((refused.document, told.document, kept.document))


def test_an_index_that_is_one_besides_others(project: Path, nobody_listens: int) -> None:
    """A build goes on without it, so it is a warning; so is a directory that is not there."""
    with played_index() as index:
        dead = f"http://127.0.0.1:{nobody_listens}/simple"
        variables = {"PIP_EXTRA_INDEX_URL": dead, "PIP_FIND_LINKS": "/nonexistent/wheels"}
        seen = at_index(project, index.url, **variables)
    assert seen.code == 0
    reasons = {str(one["about"]): str(one["text"]) for one in seen.verdicts if one["name"] == "index-unreachable"}
    assert "Connection refused" in reasons[dead]
    assert "no such file or directory" in reasons["/nonexistent/wheels"]
    assert "PIP_FIND_LINKS" in reasons["/nonexistent/wheels"]


def test_an_index_that_never_answers(project: Path) -> None:
    """It is not waited for longer than a few seconds."""
    with played_index(answers=False) as index:
        seen = at_index(project, index.url)
    assert "no answer in time" in str(seen.of("index")["index-unreachable"]["text"])


def test_the_index_that_uv_and_pips_files_name(project: Path) -> None:
    """Variables for uv count, and pip's own configuration files."""
    config = project.parent / "HOME/.config/pip"
    config.mkdir(parents=True)
    with played_index() as one, played_index() as two:
        (config / "pip.conf").write_text(f"[global]\nindex-url = {one.url}\n")
        variables = {"PIP_CONFIG_FILE": "", "PIP_NO_INDEX": "", "UV_DEFAULT_INDEX": f"inner={two.url}"}
        seen = examine(project, quiet_environ(project.parent, **variables), *LOCAL)
    origins = {str(each["about"]): str(each["text"]) for each in seen.verdicts if each["name"] == "index"}
    assert f"index-url in {config / 'pip.conf'}" in origins[one.url]
    assert "UV_DEFAULT_INDEX" in origins[two.url]


@pytest.mark.parametrize(("ahead", "way"), [(7200.0, "ahead of"), (-86400.0 * 30, "behind")])
def test_a_clock_that_is_wrong(project: Path, ahead: float, way: str) -> None:
    """The index's own time tells; whose clock is wrong is for people to find out."""
    with played_index(ahead=ahead) as index:
        seen = at_index(project, index.url)
    skew = seen.of("clock")["clock-skew"]
    assert (seen.code, skew["level"]) == (0, "warning")
    assert way in str(skew["text"])
    facts = skew["facts"]
    assert isinstance(facts, dict)
    assert abs(facts["seconds_ahead"] - ahead) < 30


def git(directory: Path, *arguments: str) -> None:
    """Run git as somebody with a name."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(("git", *who, *arguments), cwd=directory, check=True, capture_output=True)


@pytest.fixture(name="origin")
def _origin(tmp_path: Path) -> Path:
    """Make a repository with a tag three commits ago, whose version comes from it."""
    origin = tmp_path / "origin"
    origin.mkdir()
    (origin / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools", "Setuptools_SCM[toml]>=8"]\n'
        '[project]\nname = "demo"\ndynamic = ["version"]\n'
    )
    git(origin, "init", "--quiet")
    git(origin, "add", ".")
    git(origin, "commit", "--quiet", "-m", "one")
    git(origin, "tag", "v1.0")
    for _ in range(3):
        git(origin, "commit", "--quiet", "--allow-empty", "-m", "more")
    return origin


def test_a_shallow_clone_without_the_tag(origin: Path, tmp_path: Path) -> None:
    """What its version is taken from is not there; with more depth, or fetched, it is."""
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{origin}", "shallow")
    clone, environ = tmp_path / "shallow", quiet_environ(tmp_path)
    seen = examine(clone, environ, *LOCAL)
    shallow = seen.of("git")["git-shallow"]
    assert (seen.code, shallow["level"]) == (0, "warning")
    assert "setuptools-scm" in str(shallow["text"])
    assert "git fetch --unshallow --tags" in str(shallow["remedy"])
    git(clone, "fetch", "--quiet", "--unshallow", "--tags")
    assert "v1.0" in str(examine(clone, environ, *LOCAL).of("git")["repository"]["text"])


def test_a_clone_without_any_tag(origin: Path, tmp_path: Path) -> None:
    """A fork that has not fetched them, for instance."""
    git(tmp_path, "clone", "--quiet", "--no-tags", f"file://{origin}", "clone")
    assert examine(tmp_path / "clone", quiet_environ(tmp_path), *LOCAL).problems["git-no-tag"] == "warning"


def test_a_repository_that_another_user_owns(origin: Path, tmp_path: Path) -> None:
    """By git it is refused; that it is read all the same, and how git takes it, is said."""
    subprocess.run([*AS_ROOT, "chown", "-R", "12345:12345", origin], check=True)
    try:
        environ = quiet_environ(tmp_path)
        seen = examine(origin, environ, *LOCAL)
        (tmp_path / "HOME/.gitconfig").write_text(f"[safe]\n\tdirectory = {origin}\n")
        assert "git-distrusts" not in examine(origin, environ, *LOCAL).problems
    finally:
        subprocess.run([*AS_ROOT, "chown", "-R", f"{os.getuid()}:{os.getgid()}", origin], check=True)
    refused = seen.of("git")["git-distrusts"]
    assert refused["level"] == "warning"
    assert f"safe.directory {origin}" in str(refused["remedy"])
    assert "v1.0" in str(seen.of("git")["repository"]["text"])


def test_a_machine_without_git(origin: Path, tmp_path: Path) -> None:
    """A project in a repository needs it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "uname", "env"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    environ = quiet_environ(tmp_path, PATH=str(programs))
    assert examine(origin, environ, *LOCAL).problems["git-missing"] == "warning"
