"""Settings that spread a run over engines or a cluster: what they cannot be together, and in an sdist."""

from typing import TYPE_CHECKING

from matrix_runner.config.kinds.values import EngineChoice
from matrix_runner.config.options.engine_options import CLUSTER, ENGINES
from matrix_runner.config.options.option import Option, Source
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.errors import UsageError

if TYPE_CHECKING:
    from matrix_runner.config.loading.settings import Settings


def is_spread(settings: "Settings") -> bool:
    """Whether the cells of a run are spread over engines or workers that its settings name."""
    return bool(settings[ENGINES]) or bool(settings[CLUSTER])


def check_spread(settings: "Settings", *, is_from_sdist: bool) -> None:
    """Raise UsageError for what cannot be. `is_from_sdist`: the table is that of an sdist."""
    if not is_spread(settings):
        return
    if bool(settings[ENGINES]) and bool(settings[CLUSTER]):
        places = f"{settings.origin(ENGINES)}, {settings.origin(CLUSTER)}"
        raise UsageError(f"engines are named, and a cluster ({places})", hint="leave one of them out")
    option: Option[object] = CLUSTER if settings[CLUSTER] else ENGINES
    if settings[CONTAINER_ENGINE].name is EngineChoice.LOCAL:
        raise UsageError(f"container-engine = local, and {option} is set", hint="leave one of them out")
    if is_from_sdist and settings.origin(option).source in {Source.FILE, Source.OVERRIDE}:
        raise UsageError(
            f"the sdist's own table sets {option}, which is for whoever builds it to say",
            hint=f"set it with {option.flag} or {option.variable}; empty, the variable means none",
        )
