#!/bin/sh
# Inside a container. `prepare` is not measured, `build` is: for all Pythons, so many of them at once.
#   floor.sh prepare TEST PYTHON...
#   floor.sh build AT_ONCE TEST PYTHON...
#   floor.sh one TEST PYTHON
set -eu

requirements() {
    "$1/bin/python" -c 'import sys, tomllib; print("\n".join(tomllib.load(open(sys.argv[1], "rb"))["build-system"]["requires"]))' "$2"
}

action=$1
shift
case $action in
prepare)
    shift
    requirements /opt/python/cp311-cp311 /floor/source/pyproject.toml >/floor/requirements.txt
    for tag; do
        uv venv --quiet --python "/opt/python/$tag/bin/python" "/floor/environment-$tag"
        uv pip install --quiet --python "/floor/environment-$tag/bin/python" -r /floor/requirements.txt
    done
    ;;
build)
    at_once=$1
    test=$2
    shift 2
    printf '%s\n' "$@" | xargs -n 1 -P "$at_once" sh "$0" one "$test"
    ;;
one)
    environment=/floor/environment-$2
    cp -r /floor/source "/floor/source-$2"
    uv build --quiet --no-build-isolation --python "$environment/bin/python" --wheel --out-dir "/floor/built-$2" "/floor/source-$2"
    auditwheel repair --wheel-dir "/floor/repaired-$2" "/floor/built-$2"/*.whl
    "$environment/bin/python" -m zipfile -e "/floor/repaired-$2"/*.whl "/floor/installed-$2"
    cd /
    PYTHONPATH="/floor/installed-$2" "$environment/bin/python" -c "$1"
    ;;
esac
