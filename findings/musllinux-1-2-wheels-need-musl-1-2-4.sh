#!/bin/sh
# Guess: a wheel tagged musllinux_1_2 runs on musl 1.2, so on Alpine 3.13 to 3.17 (musl 1.2.2, 1.2.3) and Debian 12 (1.2.3),
#   where pip installs it.
# Seen: psycopg-binary 3.3.9, kiwisolver 1.5.1 and pyzmq 27.2.0 carry libraries with packed relative relocations (DT_RELR),
#   which musl applies from 1.2.4 on, and earlier ones leave alone without a word. PEP 656 has no third number, auditwheel
#   6.8.2 does not look at relocations, and judges them `musllinux_1_2`. It comes with the toolchain of today's musllinux
#   images, not with the projects.
# Where it matters: users of Alpine up to 3.17. `runner inspect` says that such a wheel needs musl 1.2.4 (Alpine 3.18), and
#   the image that matrix-runner makes for musl has 1.2.5.
set -eu
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv tools
tools/bin/pip -q --disable-pip-version-check install auditwheel==6.8.2 pyelftools==0.33
for wheel in psycopg-binary==3.3.9 kiwisolver==1.5.1 pyzmq==27.2.0; do
    tools/bin/pip -q --disable-pip-version-check download "$wheel" --no-deps --only-binary :all: --dest wheels \
        --implementation cp --python-version 3.13 --abi cp313 --abi abi3 --platform musllinux_1_2_x86_64
done
for wheel in wheels/*.whl; do tools/bin/auditwheel show "$wheel" >>said 2>&1; done
tools/bin/python - <<'PY'
import io, pathlib, sys, zipfile
from elftools.elf.elffile import ELFFile

as_seen = pathlib.Path("said").read_text().count('"musllinux_1_2_x86_64"') == 3
for path in sorted(pathlib.Path("wheels").iterdir()):
    packed = set()
    with zipfile.ZipFile(path) as wheel:
        for name in wheel.namelist():
            data = wheel.read(name)
            if data.startswith(b"\x7fELF"):
                dynamic = ELFFile(io.BytesIO(data)).get_section_by_name(".dynamic")
                if any(tag.entry.d_tag in ("DT_RELR", 36) for tag in dynamic.iter_tags()):
                    packed.add(name.rpartition("/")[2])
    print(f"{path.name}: {len(packed)} libraries with packed relative relocations")
    as_seen = as_seen and bool(packed)
sys.exit(0 if as_seen else "CHANGED")
PY
