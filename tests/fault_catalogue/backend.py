"""A build backend (PEP 517) that needs a compiler only, and misbehaves in the cells that `deeds.json` names.

It goes into the projects of the catalogue's tests, and runs in their containers.
"""

import base64
import hashlib
import json
import os
import struct
import subprocess
import sys
import sysconfig
import time
import zipfile

SOURCE = b"""
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "stub", NULL, -1, NULL, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_stub(void) { return PyModule_Create(&module); }
"""
GIGABYTE = 1 << 30
TAG = "{0}-{0}-linux_{1}"


def build_wheel(directory: str, config_settings: object = None, metadata_directory: object = None) -> str:  # noqa: ARG001
    """Build the wheel, or what the cell's deed makes of it."""
    with open("deeds.json", encoding="utf-8") as file:
        deed = json.load(file).get(os.environ["MATRIX_RUNNER_IDENTIFIER"], "")
    print("the backend begins", flush=True)
    if deed in DURING:
        DURING[deed]()
    if deed == "no wheel":
        return "stub-1-none.whl"
    name = wheel(directory, deed)
    if deed == "two wheels":
        wheel(directory, "another version")
    if deed == "no archive":
        with open(os.path.join(directory, name), "wb") as file:
            file.write(b"no archive at all")
    return name


def module() -> bytes:
    """Compile the module; return its file's content."""
    with open("stub.c", "wb") as file:
        file.write(SOURCE)
    include = sysconfig.get_paths()["include"]
    subprocess.run(["cc", "-shared", "-fPIC", "-I", include, "-o", "stub.so", "stub.c"], check=True)
    with open("stub.so", "rb") as file:
        return file.read()


def wheel(directory: str, deed: str) -> str:
    """Write a wheel; return its name."""
    project = "other" if deed == "another project" else "stub"
    version = "2" if deed == "another version" else "1"
    python = os.environ["MATRIX_RUNNER_IDENTIFIER"].partition("-")[0]
    machine = "i686" if sys.maxsize < 2**32 else "x86_64"
    tag = TAG.format("cp27" if deed == "another tag" else python, machine)
    info = f"{project}-{version}.dist-info/"
    files = {
        "stub" + sysconfig.get_config_var("EXT_SUFFIX"): module(),
        info + "METADATA": f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n".encode(),
        info + "WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
    }
    if deed == "pure":
        files = {"stub.py": b"", **{name: data for name, data in files.items() if name.startswith(info)}}
    if deed == "leads out":
        files["../../outside.py"] = b""
    if deed == "large":
        files["stub-data"] = os.urandom(3 << 20)
    if deed == "bomb":
        files["stub-data"] = bytes(GIGABYTE // 8)
    record = info + "RECORD,,\n"
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        if deed == "wrong hash" and name.startswith("stub"):
            digest = "A" * len(digest)
        record += f"{name},sha256={digest},{len(data)}\n"
    filename = f"{project}-{version}-{tag}.whl"
    with zipfile.ZipFile(os.path.join(directory, filename), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [*files.items(), (info + "RECORD", record.encode())]:
            archive.writestr(name, data)
        if deed == "link":
            entry = zipfile.ZipInfo("stub-link")
            entry.external_attr = 0o120777 << 16
            archive.writestr(entry, "/etc/passwd")
        if deed == "a name twice":
            # Written by hand, as the library warns of it.
            archive.filelist.append(archive.getinfo(info + "METADATA"))
    return filename


def print_gigabyte_of_lines() -> None:
    """Print a gigabyte, in lines of a usual length."""
    line = b"cc -c something.c -o something.o and so on, a hundred characters wide or nearly so, as compilers do\n"
    for _ in range(GIGABYTE // len(line) // 1000):
        os.write(1, line * 1000)


def print_gigabyte_in_one_line() -> None:
    """Print a gigabyte without the end of a line."""
    for _ in range(GIGABYTE // 65536):
        os.write(1, b"x" * 65536)


def print_bytes() -> None:
    """Print what no terminal should get."""
    os.write(1, b"begin \0 \xff\xfe \x1b[31mred\x1b]0;title\x07 \x9b2J end\n")


def print_commands() -> None:
    """Print what CI systems take for commands."""
    for line in (
        "::set-output name=stolen::yes",
        "text ##[add-mask]the",
        "##vso[task.setvariable variable=stolen]yes",
        "##teamcity[setParameter name='stolen' value='yes']",
        "+++ a fold of theirs",
        "section_start:1:stolen\r",
    ):
        os.write(1, line.encode() + b"\n")


def take_memory() -> None:
    """Take a gigabyte of memory, page by page."""
    kept = [b"x" * (1 << 20) for _ in range(GIGABYTE // (1 << 20))]
    print(len(kept))


def hang() -> None:
    """Hang, with a child that hears no SIGTERM."""
    subprocess.Popen(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"])
    time.sleep(3600)


def hang_talking() -> None:
    """Hang, but not in silence."""
    while True:
        print("still here", flush=True)
        time.sleep(0.2)


def fork_bomb() -> None:
    """Start processes until no more can be had, and end in order."""
    children: list[subprocess.Popen[bytes]] = []
    try:
        while len(children) < 3000:
            children.append(subprocess.Popen(["sleep", "60"]))
    except OSError as error:
        print(f"no more processes: {error.strerror} after {len(children)}", flush=True)
    for child in children:
        child.kill()
        child.wait()


def leave_a_process() -> None:
    """Leave a process that holds standard output open."""
    subprocess.Popen(["sleep", "300"])


def print_environment() -> None:
    """Print all variables."""
    for name, value in sorted(os.environ.items()):
        print(f"{name}={value}", flush=True)


def wait() -> None:
    """Give a test time to do something to the container, the engine or the driver."""
    time.sleep(float(os.environ.get("FAULT_SECONDS", "8")))


def replace_tar() -> None:
    """Have the container's `tar` hand out what a hostile one would: a path that leads out, a link, a device."""
    path = next(path for path in ("/bin/tar", "/usr/bin/tar") if os.path.exists(path))
    interpreter = os.path.realpath(sys.executable)
    os.rename(path, path + ".real")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"#!{interpreter}\nimport sys\nsys.stdout.buffer.write({hostile_tar()!r})\n")
    os.chmod(path, 0o755)  # noqa: S103  as it was


def hostile_tar() -> bytes:
    """Return an archive: a file that leads out, a link to a file of the host."""
    return (
        member("../../outside", b"0", b"", b"content") + member("stub-1.whl", b"2", b"/etc/passwd", b"") + bytes(1024)
    )


def member(name: str, kind: bytes, target: bytes, data: bytes) -> bytes:
    """Return a member of a tar archive (POSIX ustar)."""
    header = struct.pack(
        "100s8s8s8s12s12s8ss100s8s247s",
        name.encode(),
        b"0000644",
        b"0000000",
        b"0000000",
        b"%011o" % len(data),
        b"00000000000",
        b" " * 8,
        kind,
        target,
        b"ustar\x0000",
        b"",
    )
    header = header[:148] + b"%06o\0 " % sum(header) + header[156:]
    return header + data + bytes(-len(data) % 512)


DURING = {
    "gigabyte of lines": print_gigabyte_of_lines,
    "gigabyte in one line": print_gigabyte_in_one_line,
    "bytes": print_bytes,
    "commands": print_commands,
    "memory": take_memory,
    "hang": hang,
    "hang talking": hang_talking,
    "fork bomb": fork_bomb,
    "leave a process": leave_a_process,
    "environment": print_environment,
    "wait": wait,
    "replace tar": replace_tar,
}
