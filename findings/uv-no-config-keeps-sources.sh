#!/bin/sh
# Guess: UV_NO_CONFIG makes uv ignore all of a project's own settings in [tool.uv].
# Seen: uv 0.13.9 still takes build requirements from [tool.uv.sources]; only UV_NO_SOURCES stops that, and that leaves
#   the other settings in force. Neither of the two covers the other.
# Where it matters: tools that run uv on somebody else's project. matrix-runner sets both for installs of its own.
set -eu
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv tools
tools/bin/pip -q --disable-pip-version-check install uv==0.13.9

# A build requirement that only [tool.uv.sources] can give: a directory beside the project.
mkdir -p helper project
cat >helper/pyproject.toml <<'T'
[build-system]
requires = ["setuptools==84.2.1"]
build-backend = "setuptools.build_meta"
[project]
name = "a-name-that-no-index-has-4711"
version = "1"
[tool.setuptools]
py-modules = []
T
cat >project/pyproject.toml <<'T'
[build-system]
requires = ["setuptools==84.2.1", "a-name-that-no-index-has-4711"]
build-backend = "setuptools.build_meta"
[project]
name = "demo"
version = "1"
[tool.setuptools]
py-modules = []
[tool.uv.sources]
a-name-that-no-index-has-4711 = { path = "../helper" }
T
builds() { env "$@" tools/bin/uv build -q --wheel project --out-dir out >/dev/null 2>&1 && echo builds || echo fails; }
echo "uv 0.13.9"
config=$(builds UV_NO_CONFIG=1)
sources=$(builds UV_NO_SOURCES=1)
echo "with UV_NO_CONFIG=1 the project $config; with UV_NO_SOURCES=1 it $sources"
[ "$config-$sources" = builds-fails ] || { echo "CHANGED"; exit 1; }
