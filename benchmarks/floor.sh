#!/bin/sh
# floor.sh prepare|build TEST PYTHON...: inside a container. `prepare` is not measured, `build` is.
set -eu

action=$1
test=$2
shift 2

requirements() {
    "$1/bin/python" -c 'import sys, tomllib; print("\n".join(tomllib.load(open(sys.argv[1], "rb"))["build-system"]["requires"]))' "$2"
}

for tag; do
    environment=/floor/environment-$tag
    if [ "$action" = prepare ]; then
        requirements /opt/python/cp311-cp311 /floor/source/pyproject.toml >/floor/requirements.txt
        uv venv --quiet --python "/opt/python/$tag/bin/python" "$environment"
        uv pip install --quiet --python "$environment/bin/python" -r /floor/requirements.txt
    else
        cp -r /floor/source "/floor/source-$tag"
        uv build --quiet --no-build-isolation --python "$environment/bin/python" --wheel --out-dir "/floor/built-$tag" "/floor/source-$tag"
        auditwheel repair --wheel-dir "/floor/repaired-$tag" "/floor/built-$tag"/*.whl
        "$environment/bin/python" -m zipfile -e "/floor/repaired-$tag"/*.whl "/floor/installed-$tag"
        (cd / && PYTHONPATH="/floor/installed-$tag" "$environment/bin/python" -c "$test")
    fi
done
