"""The cells of a run on its nodes, where the nodes are the architectures of a cluster."""

from matrix_runner.cache.cached_cells import CachedCells
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.cluster.cluster_cells import ClusterCells, ClusterProber
from matrix_runner.cluster.orders import RunOrder
from matrix_runner.engine.cluster.cluster_nodes import JoinedCluster
from matrix_runner.nodes.placing import placed_by
from matrix_runner.nodes.spread import Spread


def spread_on_cluster(cluster: JoinedCluster, context: RunContext, cached: CachedCells, materials: Materials) -> Spread:
    """Send the run's order to the cluster, and return its cells. Raise EngineError, ConfigError, MachineError."""
    order = RunOrder.of(context, materials, cluster.place)
    cells = ClusterCells(cluster, order, context.request.jobs, materials.source.path.read_bytes())

    def prober_of(here: RunContext, own: Materials) -> ClusterProber:
        return ClusterProber(cells=cells, context=here, materials=own)

    spread = placed_by(context, cached, materials, prober_of, cells.run)
    cells.attach(lambda: spread.outcomes)
    return spread
