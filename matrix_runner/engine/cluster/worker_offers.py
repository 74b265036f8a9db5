"""What the workers of a cluster offer a run, by their answers: architectures, slots, and what is wrong with one."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from matrix_runner import __version__
from matrix_runner.engine.cluster.dask_client import Cluster, ClusterWorker
from matrix_runner.engine.cluster.dask_connection import INSTALL
from matrix_runner.engine.cluster.free_seats import Offer
from matrix_runner.engine.cluster.worker_engine import Greeting, own_version
from matrix_runner.engine.node import joined_hosts
from matrix_runner.errors import EngineError
from matrix_runner.matrix import Host
from matrix_runner.model.platforms import Arch

_ARCHS: Final = {str(arch): arch for arch in Arch}

START: Final = "Start workers with the cells that each may run at once: dask worker ADDRESS --resources 'x86_64=4'."


def check_scheduler(link: Cluster) -> None:
    """Raise EngineError if the scheduler cannot read what is asked of workers."""
    try:
        version = link.ask_scheduler(own_version)
    except EngineError as error:
        raise EngineError(
            f"matrix-runner is not installed where the cluster's scheduler runs ({link.address})",
            hint=f"It reads what workers are asked. {INSTALL}, there too.",
        ) from error
    if version != __version__:
        raise EngineError(f"the cluster's scheduler has matrix-runner {version}, and this is {__version__}")


def offer_of(worker: ClusterWorker, answer: Greeting | Exception | None) -> Offer | str:
    """Return a worker's offer, or why it has none."""
    slots = tuple(
        (_ARCHS[name], min(int(amount), worker.threads))
        for name, amount in worker.resources.items()
        if name in _ARCHS and amount >= 1
    )
    if isinstance(answer, Greeting):
        problem = "; ".join(filter(None, ("" if slots else _offers_nothing(worker), _problem(answer))))
        if problem or answer.engine is None:
            return problem
        return Offer(worker=worker, slots=slots, engine=replace(answer.engine, storage=None))
    if isinstance(answer, ImportError):
        return f"matrix-runner is not installed there. {INSTALL}"
    if isinstance(answer, TimeoutError):
        return f"it does not answer: {answer}"
    return f"it does not answer: {answer!r}"


def _offers_nothing(worker: ClusterWorker) -> str:
    """Return the reason against a worker whose resources are no architectures."""
    if not worker.resources:
        return "it offers no architecture: it was started without --resources"
    offered = ", ".join(f"{name}={amount:g}" for name, amount in worker.resources.items())
    meant = next((arch for arch in Arch if arch.oci in worker.resources), None)
    return f"it offers no architecture, but {offered}" + (f"; did you mean {meant}?" if meant else "")


def _problem(answer: Greeting) -> str:
    """Return why a worker that has answered cannot run cells; "" if it can."""
    if answer.version != __version__:
        return f"it has matrix-runner {answer.version}, and this is {__version__}"
    if answer.engine is None:
        return answer.problem
    if Arch.of_machine(answer.engine.machine) is None:
        return f"its engine's machine is {answer.engine.machine}, for which no wheel platform is known"
    return ""


def archs_of(offers: Sequence[Offer]) -> tuple[Arch, ...]:
    """Return the architectures that are offered, each once."""
    return tuple(dict.fromkeys(arch for offer in offers for arch, _ in offer.slots))


def able_for(arch: Arch, offers: Sequence[Offer]) -> list[Offer]:
    """Return the offers of workers that name an architecture."""
    return [offer for offer in offers if dict(offer.slots).get(arch)]


def chief_of(arch: Arch, able: Sequence[Offer]) -> Offer:
    """Return the worker that tells of the images of an architecture: one whose machine needs no emulator, if any."""
    return next((offer for offer in able if _machine(offer) in {arch, arch.wider}), able[0])


def host_for(arch: Arch, offers: Sequence[Offer]) -> Host:
    """Return the machine on which cells of an offered architecture run."""
    machine = _machine(chief_of(arch, able_for(arch, offers)))
    is_native = machine in {arch, arch.wider}
    return Host(machine=arch if is_native else machine, emulated=frozenset() if is_native else frozenset({arch}))


def offered_host(offers: Sequence[Offer]) -> Host | None:
    """Return all that is offered as one host of a plan; None if nothing is."""
    return joined_hosts(host_for(arch, offers) for arch in archs_of(offers))


def _machine(offer: Offer) -> Arch:
    machine = Arch.of_machine(offer.engine.machine)
    assert machine is not None  # noqa: S101  no other makes an offer
    return machine
