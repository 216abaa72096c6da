"""What compiling a step should cost and leave, told without compiling it."""

import contextlib
import hashlib
import os
import time

import torch

from netgraph.train.trace import heavy_names

# seconds: imports and set-up, each operation of the step, each trained array's update; and the compiler's headers, once a machine
_FIXED, _NODE, _ARRAY, _HEADERS = 1.0, 0.025, 0.1, 12.0


def has_convolutions(graph: torch.fx.GraphModule) -> bool:
    """Whether a traced graph holds convolutions."""
    return any("conv" in name for name in heavy_names(graph))


class _Timed(torch.fx.Interpreter):
    """Runs a graph and adds up the time of its library operations."""

    def __init__(self, graph):
        super().__init__(graph)
        self.seconds = 0.0
        heavy = set(heavy_names(graph))
        self._heavy = {
            n for n in graph.graph.nodes if isinstance(n.target, torch._ops.OpOverload) and n.target.__name__.split(".")[0] in heavy
        }

    def run_node(self, n):
        if n not in self._heavy:
            return super().run_node(n)
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        start = time.perf_counter()
        out = self.call_function(n.target, args, kwargs)
        self.seconds += time.perf_counter() - start
        return out


def library_seconds(graph: torch.fx.GraphModule, args: list[torch.Tensor], runs: int = 8) -> float:
    """Seconds that one run of a traced graph spends in operations that no compiler replaces: the lower quartile of some runs."""
    out = []
    with torch.no_grad():
        for _ in range(runs):
            timed = _Timed(graph)
            timed.run(*args)
            out.append(timed.seconds)
    return sorted(out)[(runs - 1) // 4]


def mark_of(graph: torch.fx.GraphModule, method: object) -> str:
    """A name for the compiled form of a step, equal in other processes: what it computes, by which method, with which torch."""
    text = "\n".join((graph.code, repr(method), torch.__version__, str(torch.get_num_threads())))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _cache_folder() -> str:
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    return cache_dir()


def compile_cost(graph: torch.fx.GraphModule, trained: int, mark: str) -> tuple[float, bool]:
    """Seconds that compiling the step of a traced gradient should take, and whether that is known from last time, or by its size."""
    folder = _cache_folder()
    with contextlib.suppress(OSError, ValueError), open(os.path.join(folder, "netgraph", mark), encoding="ascii") as file:
        return max(0.5, float(file.read(32))), True
    nodes = sum(n.op == "call_function" for n in graph.graph.nodes)
    known = os.path.isdir(os.path.join(folder, "precompiled_headers"))
    return _FIXED + _NODE * nodes + _ARRAY * trained + (0.0 if known else _HEADERS), False


def record_compile(mark: str, seconds: float) -> None:
    """Note beside the compiler's artefacts how long they took to make, or to find again."""
    folder = os.path.join(_cache_folder(), "netgraph")
    # a cache that cannot be written costs a worse estimate next time, nothing else
    with contextlib.suppress(OSError):
        os.makedirs(folder, exist_ok=True)
        beside = os.path.join(folder, f"{mark}.{os.getpid()}")
        with open(beside, "w", encoding="ascii") as file:
            file.write(f"{seconds:.3f}")
        os.replace(beside, os.path.join(folder, mark))
