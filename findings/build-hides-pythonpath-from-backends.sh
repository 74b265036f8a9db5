#!/bin/sh
# Guess: PYTHONPATH, as any variable of the environment, is seen by a build backend in the same way whichever frontend
#   runs it in an isolated environment.
# Seen: `uv build` 0.13.9 leaves it as it is. pip 26.3 puts a directory of its own in its place, with a sitecustomize.
#   build 1.6.1 empties it. So a sitecustomize, or a helper module, that a CI job brings by PYTHONPATH works with one of
#   three frontends, and a change of the frontend takes it away without a word.
# Where it matters: projects whose build scripts import what PYTHONPATH names. matrix-runner looks at what a build has
#   installed by a sitecustomize, which only uv's builds can see (recipe/after_build/python_bounds).
set -eu
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv tools
tools/bin/pip -q --disable-pip-version-check install uv==0.13.9 pip==26.3 build==1.6.1
mkdir project helpers
cat >project/pyproject.toml <<'TOML'
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "demo"
version = "1"
TOML
# It builds nothing: what it sees is all that is asked of it.
cat >project/backend.py <<'PY'
import os
def build_wheel(directory, config_settings=None, metadata_directory=None):
    with open(os.environ["SEEN"], "w") as file:
        file.write(os.environ.get("PYTHONPATH", "unset"))
    raise SystemExit(1)
prepare_metadata_for_build_wheel = build_wheel
PY
PYTHONPATH=$room/helpers; export PYTHONPATH
SEEN=$room/uv; export SEEN
tools/bin/uv build -q --wheel --python tools/bin/python project >/dev/null 2>&1 || true
SEEN=$room/pip
tools/bin/pip -q --disable-pip-version-check wheel --no-deps ./project >/dev/null 2>&1 || true
SEEN=$room/build
tools/bin/python -m build -q --wheel project >/dev/null 2>&1 || true
for frontend in uv pip build; do
    case $(cat "$frontend") in
    "$room/helpers") said="as it was" ;;
    "" | unset) said="empty or unset" ;;
    *"$room/helpers"*) said="as it was, and more" ;;
    *) said="something else" ;;
    esac
    echo "$frontend: PYTHONPATH is $said"
    case $frontend-$said in
    "uv-as it was" | "pip-something else" | "build-empty or unset") ;;
    *) echo "CHANGED"; exit 1 ;;
    esac
done
