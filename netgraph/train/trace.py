"""A step written out as one flat graph of tensor operations, forward and backward together, for the traced and the compiled plans.

The graph holds for the shapes, dtypes and strides of the example batch only; the runner sends every other batch through the plain step.
Nothing here is imported by torch.compile's front end: the step is traced by make_fx and handed to Inductor as it is, which spares the
guards of each call (0.1 ms a step on the spiral) and half of the compiling time.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from netgraph.errors import NetTrainingError
from netgraph.lower.forward import Lowered
from netgraph.train.rewrites import drop_detach, flip_thin_products, pool_before_relu, spell_out_thin_products
from netgraph.train.step import Batch, Found, Step

# what Inductor leaves to libraries, so that compiling cannot make it faster
_LIBRARY = ("mm", "addmm", "bmm", "baddbmm", "convolution", "convolution_backward", "_scaled_dot_product", "_thnn_fused", "embedding_dense")

# the runner has looked at shapes and strides already; Inductor doing so again takes 2 % of a short step
_OPTIONS = {"size_asserts": False, "scalar_asserts": False, "alignment_asserts": False}


def flat_batch(batch: Batch) -> list[torch.Tensor]:
    """The batch's tensors in one list, the valid mask last where there is one."""
    return [*batch.inputs, *batch.noise, *batch.lengths, *(() if batch.valid is None else (batch.valid,))]


def _batch_like(flat: Sequence[torch.Tensor], like: Batch) -> Batch:
    a = len(like.inputs)
    b = a + len(like.noise)
    c = b + len(like.lengths)
    return Batch(tuple(flat[:a]), tuple(flat[a:b]), tuple(flat[b:c]), flat[c] if like.valid is not None else None)


def batch_of_shapes(shapes: Sequence[tuple], lowered: Lowered, inputs: int, device: torch.device) -> Batch:
    """A batch of zeros of the planned shapes, to trace or compile a step for them; a step has `inputs` inputs."""
    flat = tuple(torch.zeros(shape, dtype=getattr(torch, dtype), device=device) for shape, dtype in shapes)
    noise = inputs + len(lowered.noise)
    lengths = noise + lowered.length_count
    return Batch(flat[:inputs], flat[inputs:noise], flat[noise:lengths], flat[lengths] if lowered.coupled else None)


def _graph(function: Callable, args: list[torch.Tensor]) -> torch.fx.GraphModule:
    from torch.fx.experimental.proxy_tensor import make_fx

    # fake: nothing is computed while tracing; constants that the forward captured stay real
    graph = make_fx(function, decomposition_table={}, tracing_mode="fake", _allow_non_fake_inputs=True)(*args)
    if any("mkldnn_rnn" in str(node.target) for node in graph.graph.nodes):
        # without autograd it keeps no workspace, which its gradient asks for
        raise NetTrainingError("the recurrence of the processor's library has no gradient in a traced step")
    return graph


def trace_gradients(step: Step, arrays: Sequence[torch.Tensor], states: Sequence[torch.Tensor], batch: Batch) -> Callable:
    """A function of (arrays, states, batch) like `step.gradients`, without autograd at run time."""
    n, s, g = len(arrays), len(states), len(step.trained)

    def flat(*args):
        found = step.gradients(args[:n], args[n : n + s], _batch_like(args[n + s :], batch))
        return (found.loss, *found.gradients, *found.states, *found.seen)

    graph = _graph(flat, [*(a.detach() for a in arrays), *states, *flat_batch(batch)])
    drop_detach(graph)
    pool_before_relu(graph)
    flip_thin_products(graph)
    graph.recompile()
    run = graph.forward

    def gradients(arrays, states, batch):
        with torch.no_grad():
            out = run(*arrays, *states, *flat_batch(batch))
        return Found(out[0], tuple(out[1 : 1 + g]), tuple(out[1 + g : 1 + g + s]), tuple(out[1 + g + s :]))

    gradients.graph = graph
    return gradients


def trace_step(step: Step, arrays, state, states, batch: Batch) -> tuple[torch.fx.GraphModule, list[torch.Tensor]]:
    """The whole step as a graph that writes new values over old ones and returns the loss and what was seen, and example arguments.

    Its arguments are, flat: arrays, state, states, counter, alive, rate, corrected rate, and the batch's tensors.
    """
    n, k, s = len(arrays), len(state), len(states)

    def whole(*args):
        old_arrays, old_state, old_states = args[:n], args[n : n + k], args[n + k : n + k + s]
        counter, alive, rate, corrected = args[n + k + s : n + k + s + 4]
        out = step.corrected(old_arrays, old_state, counter, alive, old_states, _batch_like(args[n + k + s + 4 :], batch), rate, corrected)
        for i in step.trained:
            old_arrays[i].copy_(out.arrays[i])
        for old, new in zip((*old_state, *old_states, counter, alive), (*out.state, *out.states, out.counter, out.alive), strict=True):
            old.copy_(new)
        return (out.loss, *out.seen)

    example = [*(a.detach() for a in arrays), *state, *states, torch.tensor(0), torch.tensor(True), *scalars(arrays), *flat_batch(batch)]
    graph = _graph(whole, example)
    drop_detach(graph)
    pool_before_relu(graph)
    spell_out_thin_products(graph)
    graph.recompile()
    return graph, example


def scalars(arrays: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Two 0-d tensors, for the rate and the corrected rate, of the arrays' own precision so that they do not slow their loops."""
    dtype = arrays[0].dtype if arrays else torch.float32
    return torch.zeros((), dtype=dtype), torch.zeros((), dtype=dtype)


def compile_step(step: Step, arrays, state, states, batch: Batch) -> Callable:
    """`trace_step` compiled whole by Inductor, in the calling thread: a function of the same flat arguments and results."""
    graph, example = trace_step(step, arrays, state, states, batch)
    from torch._inductor import compile as inductor_compile

    arguments: list = example
    with torch.no_grad():
        compiled: Any = inductor_compile(graph, arguments, options=dict(_OPTIONS))

    def run(*args):
        with torch.no_grad():
            return compiled(*args)

    return run


def heavy_names(graph: torch.fx.GraphModule) -> list[str]:
    """The names of the library operations in a graph, in order; each may occur often."""
    names = []
    for node in graph.graph.nodes:
        if node.op == "call_function" and isinstance(node.target, torch._ops.OpOverload):
            name = node.target.__name__.split(".")[0]
            if name in _LIBRARY or name.startswith(("_scaled_dot_product", "_thnn_fused", "_cudnn", "mkldnn")):
                names.append(name)
    return names
