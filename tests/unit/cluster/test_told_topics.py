"""What a run's workers have told leaves the scheduler's memory with the run. On a real scheduler."""

import time

from distributed import LocalCluster, get_worker

from matrix_runner.engine.cluster.dask_client import Cluster


def tell(topic: str) -> None:
    """Tell something on a worker."""
    get_worker().log_event(topic, {"events": b"x" * 1000})


def test_a_scheduler_forgets_what_was_told() -> None:
    """Other topics stay: they are other runs'."""
    heard: list[object] = []
    with LocalCluster(n_workers=1, processes=False, memory_limit=0, dashboard_address=":0", silence_logs=50) as local:  # type: ignore[no-untyped-call]
        cluster = Cluster(local.scheduler_address)
        cluster.hear("of this run", heard.append)
        for topic in ("of this run", "of another"):
            cluster.submit(tell, topic, key=f"tell {topic}").result(10)
        deadline = time.monotonic() + 10
        while not (heard and local.scheduler.get_events("of another")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert local.scheduler.get_events("of this run")
        cluster.close()
        assert local.scheduler.get_events("of this run") == ()
        assert len(local.scheduler.get_events("of another")) == 1
