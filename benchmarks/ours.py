"""netgraph itself: the public `net_train`, and its execution plan on hand-lowered functions (the engine without data handling)."""

import time

import torch

__all__ = ["NetTrain", "plan"]


def plan(row, seconds):
    """netgraph's plan for a run of `seconds`, on the row's own forward function."""
    from netgraph.train.choose import choose_plan
    from netgraph.train.method import parse_method
    from netgraph.train.step import Batch, make_step

    arrays = row.arrays()
    step = make_step(row.forward, parse_method(), len(arrays))
    example = Batch(row.batches()[0])
    chosen = choose_plan(step, arrays, (), example, planned_seconds=seconds, unrolls=row.unrolls)
    runner = chosen.start(step, arrays, (), example).__enter__()

    def run(batch):
        return runner.step(Batch(batch), 0.001).item()

    run.note = f"{chosen!r}: {'; '.join(chosen.report)}"
    return run


def _block(ng, size: int, heads: int) -> list:
    """The two halves of a transformer's block."""

    def residual(layer):
        parts = {"norm": ng.NormalizationLayer(1, "Same"), "layer": layer, "add": ng.Plus}
        return ng.NetGraph(parts, ["Input -> norm -> layer", (("layer", ng.NetPort("Input")), "add")])

    project = ng.NetMapOperator(ng.LinearLayer((heads, size // heads)))
    attend = ng.AttentionLayer("Dot", MultiHead=True, Mask="Causal", ScoreRescaling="DimensionSqrt")
    parts = {"Key": project, "Value": project, "Query": project, "attend": attend, "merge": ng.NetMapOperator(size)}
    edges = [(name, ng.NetPort("attend", name)) for name in ("Key", "Value", "Query")]
    attention = ng.NetGraph(parts, [(ng.NetPort("Input"), ("Key", "Value", "Query")), *edges, ("attend", "merge")])
    return [residual(attention), residual(ng.NetMapOperator([4 * size, "GELU", size]))]


def _fold(ng, size: int):
    """A gated recurrent unit, written as the cell of a fold."""

    def cell(x, s, state):
        keep = torch.sigmoid(x[1] + s[1])
        return (1 - keep) * torch.tanh(x[2] + torch.sigmoid(x[0] + s[0]) * s[2]) + keep * state

    gates = (3, size)
    parts = {"x": ng.LinearLayer(gates), "s": ng.LinearLayer(gates), "cell": ng.FunctionLayer(cell, x=gates, s=gates, state=size)}
    edges = [("x", ng.NetPort("cell", "x")), ("s", ng.NetPort("cell", "s")), (ng.NetPort("State"), ng.NetPort("cell", "state"))]
    return ng.NetFoldOperator(ng.NetGraph(parts, [(ng.NetPort("Input"), "x"), (ng.NetPort("State"), "s"), *edges]))


class NetTrain:
    """`net_train` with a callable that hands out the row's batches; the speed is that of the second half of the run.

    The first run has the whole time goal, as a user's would; later ones in the process are shorter and take the plan that it chose.
    """

    def __init__(self, row, seconds):
        import netgraph as ng

        self._train = ng.net_train
        self._batches = row.batches()
        self._options = {"BatchSize": row.size, "TrainingProgressReporting": None}
        if row.name == "spiral":
            chain = ng.NetChain([200, ng.Ramp, 100, ng.Ramp, 20, ng.Tanh, 1], Input=2)
            self._net = ng.NetPairEmbeddingOperator(chain)
            self._options["LossFunction"] = ng.ContrastiveLossLayer()
        elif row.name == "mlp":
            self._net = ng.NetChain([256, ng.Ramp, 10, ng.SoftmaxLayer()], Input=784)
        elif row.name == "attention":
            self._net = ng.NetChain([*_block(ng, 128, 4), ng.NetMapOperator(10), ng.SoftmaxLayer()], Input=(64, 128))
        elif row.name == "fold":
            self._net = ng.NetChain([_fold(ng, 128), ng.SequenceLastLayer(), 10, ng.SoftmaxLayer()], Input=(50, 32))
        elif row.name in ("lstm", "gru", "varying"):
            layer = ng.GatedRecurrentLayer(128) if row.name == "gru" else ng.LongShortTermMemoryLayer(128)
            steps = "Varying" if row.name == "varying" else 50
            self._net = ng.NetChain([layer, ng.SequenceLastLayer(), 10, ng.SoftmaxLayer()], Input=(steps, 32))
        else:
            convolutions = [
                ng.ConvolutionLayer(20, 5),
                ng.Ramp,
                ng.PoolingLayer(2, 2),
                ng.ConvolutionLayer(50, 5),
                ng.Ramp,
                ng.PoolingLayer(2, 2),
            ]
            self._net = ng.NetChain([*convolutions, ng.FlattenLayer(), 500, ng.Ramp, 10, ng.SoftmaxLayer()], Input=(1, 28, 28))
        self._target = "Target" if row.name == "spiral" else "Output"
        self.all = ng.All
        self.note = ""
        self.block(seconds)

    def block(self, seconds: float) -> tuple[int, float]:
        """Steps and seconds of the second half of one run."""
        stamps: list[float] = []
        pool, target = self._batches, self._target

        def data(info):
            stamps.append(time.perf_counter())
            inputs, targets = pool[len(stamps) % len(pool)]
            return {"Input": inputs, target: targets}

        result = self._train(self._net, data, self.all, TimeGoal=seconds, **self._options)
        ended = time.perf_counter()
        if not self.note:
            self.note = str(result["Plan"]) if "Plan" in result["Properties"] else ""
        half = stamps[len(stamps) // 2 :]
        if len(half) == 1:  # the time was too short for two steps
            half.append(ended)
        return len(half) - 1, half[-1] - half[0]


def threads() -> int:
    """The threads of one operation, for the table's heading."""
    return torch.get_num_threads()
