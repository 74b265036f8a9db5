"""The matrix of a GitHub workflow, for `fromJSON`: an entry a shard. Pure.

Source: docs.github.com, "Running variations of jobs in a workflow".
"""

import json
from collections.abc import Iterable

from matrix_runner.shards.matrix_forms.matrix_document import shard_name
from matrix_runner.shards.shard_plan import Shard


def github_matrix(shards: Iterable[Shard]) -> str:
    """Return one line of JSON. Values are texts of our own, but for the words of `--runner`.

    Several labels of a machine, separated by commas, are a list, as `runs-on` wants it.
    """
    include = [
        {
            "shard": shard_name(shard),
            "runner": shard.machine.split(",") if "," in shard.machine else shard.machine,
            "emulators": ",".join(shard.emulators),
            "only": " ".join(map(str, shard.cells)),
        }
        for shard in shards
    ]
    return json.dumps({"include": include}, separators=(",", ":"))
