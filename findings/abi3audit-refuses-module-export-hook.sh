#!/bin/sh
# Guess: abi3audit, with newest abi3info, judges a stable-ABI wheel for CPython 3.15 by what its modules use. A module's
#   own entry point is no use of the API: `PyInit_name` never counted.
# Seen: abi3audit 0.0.26 (abi3info 2026.9.25) counts the entry point of PEP 793, `PyModExport_name`, as a symbol outside
#   of the stable ABI. So `--strict` fails every such module, with nothing else to say against it, and so every wheel
#   for both stable ABIs (PEP 803), which need that entry point: here the published hypothesis 6.170.17.
# Where it matters: builds that audit by default, matrix-runner's and cibuildwheel's. matrix-runner reads the report, and
#   lets such a wheel pass with a word (recipe/after_build/auditing).
set -eu
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv tools
tools/bin/pip -q --disable-pip-version-check install abi3audit==0.0.26 abi3info==2026.9.25
tools/bin/pip -q --disable-pip-version-check download hypothesis==6.170.17 --no-deps --only-binary :all: \
    --implementation cp --python-version 3.15 --abi abi3t --platform manylinux2014_x86_64
status=0
tools/bin/abi3audit --strict --report hypothesis-*.whl >report.json 2>/dev/null || status=$?
tools/bin/python - "$status" <<'PY'
import json, sys
(spec,) = json.load(open("report.json"))["specs"].values()
results = [each["result"] for each in spec["wheel"]]
foreign = sorted({name for each in results for name in each["non_abi3_symbols"]})
compatible = all(each["is_abi3_baseline_compatible"] for each in results)
print(f"exit status {sys.argv[1]}; within the version of the tag: {compatible}; outside of the stable ABI: {foreign}")
as_seen = sys.argv[1] == "1" and compatible and foreign and all(name.startswith("PyModExport_") for name in foreign)
sys.exit(0 if as_seen else "CHANGED")
PY
