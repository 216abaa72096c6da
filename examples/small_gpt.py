"""A small GPT: it learns to write documentation of Python, one character at a time, and then writes some.

    python examples/small_gpt.py [--time SECONDS] [--write CHARACTERS]

The text is what the docstrings of Python's standard library say. The net is that of GPT-2 in small: embeddings of characters and of their
positions, blocks of causal attention and of a net mapped over the positions, each with a normalisation before it and its input added.
"""

import argparse
import importlib
import inspect
import time

import numpy as np

from netgraph import *

MODULES = [
    "argparse", "ast", "asyncio", "calendar", "collections", "configparser", "contextlib", "csv", "datetime", "decimal", "difflib",
    "doctest", "email.message", "enum", "fractions", "functools", "heapq", "http.client", "inspect", "itertools", "json", "logging",
    "mailbox", "math", "os", "pathlib", "pickle", "random", "re", "shutil", "socket", "statistics", "string", "subprocess",
    "tarfile", "tempfile", "textwrap", "threading", "timeit", "tokenize", "traceback", "turtle", "types", "unittest",
    "urllib.request", "uuid", "warnings", "zipfile",
]  # fmt: skip
LONGEST = 512
"""The most characters that the net looks back at."""


def library_text():
    """The docstrings of the modules, and of the classes, methods and functions in them, each once."""
    found = {}
    for name in MODULES:
        module = importlib.import_module(name)
        documented = [module]
        for _, value in sorted(vars(module).items()):
            documented += [value] if callable(value) else []
            documented += (
                [method for _, method in sorted(vars(value).items()) if inspect.isfunction(method)] if inspect.isclass(value) else []
            )
        for text in map(inspect.getdoc, documented):
            if text and text.isascii():
                found.setdefault(text)
    return "\n\n".join(found) + "\n"


def residual(layer):
    """input + layer(normalised input)"""
    parts = {"norm": NormalizationLayer(1, "Same"), "layer": layer, "add": Plus}
    return NetGraph(parts, ["Input -> norm -> layer", (("layer", NetPort("Input")), "add")])


def self_attention(size, heads):
    """Each position looks at itself and those before it, with several heads."""
    project = NetMapOperator(LinearLayer((heads, size // heads)))
    attend = AttentionLayer("Dot", MultiHead=True, Mask="Causal", ScoreRescaling="DimensionSqrt")
    parts = {"key": project, "value": project, "query": project, "attend": attend, "merge": NetMapOperator(size)}
    ports = [("key", NetPort("attend", "Key")), ("value", NetPort("attend", "Value")), ("query", NetPort("attend", "Query"))]
    return NetGraph(parts, [(NetPort("Input"), ("key", "value", "query")), *ports, ("attend", "merge")])


def gpt(characters, size=96, heads=4, blocks=3):
    """From the characters so far, as numbers, to the probabilities of the next one at each position."""
    embed = {
        "character": EmbeddingLayer(size, characters),
        "index": SequenceIndicesLayer(Maximum=LONGEST),
        "position": EmbeddingLayer(size),
    }
    embedding = NetGraph({**embed, "add": Plus}, ["Input -> character", "Input -> index -> position", (("character", "position"), "add")])
    think = NetMapOperator([4 * size, "GELU", size])
    block = NetChain({"attention": residual(self_attention(size, heads)), "think": residual(think)})
    return NetChain(
        {
            "embedding": embedding,
            **{f"block{number}": block for number in range(blocks)},
            "norm": NormalizationLayer(1, "Same"),
            "scores": NetMapOperator(characters),
            "probabilities": SoftmaxLayer(),
        },
        Input=("Varying", Integer(characters)),
    )


def sampler(numbers):
    """A generator of batches: stretches of the text, and what follows each of their characters."""

    def sample(info):
        starts = info.numpy_generator.integers(len(numbers) - LONGEST, size=(info.batch_size, 1))
        stretches = numbers[starts + np.arange(LONGEST + 1)]
        return {"Input": stretches[:, :-1], "Output": stretches[:, 1:]}

    return sample


def drawn(probabilities, rng, temperature=0.8):
    """A number drawn from probabilities that a temperature below 1 sharpens."""
    weights = probabilities.astype(np.float64) ** (1 / temperature)
    return int(rng.choice(len(weights), p=weights / weights.sum()))


def written_anew(net, start, count, rng):
    """`start` and `count` characters behind it, the whole sequence run anew for each; and the seconds until each was there."""
    net(np.array(start))  # the first call makes the net ready
    numbers, seconds, began = list(start), [], time.perf_counter()
    for _ in range(count):
        numbers.append(drawn(net(np.array(numbers))[-1], rng))
        seconds.append(time.perf_counter() - began)
    return numbers, seconds


def written_in_steps(net, start, count, rng):
    """The same from the net of one step, which keeps the keys and values of the characters so far."""
    step = net_unfold(net)
    states = unfold_states(step)
    step({"Input": start[0], **states})
    numbers, seconds, began = list(start), [], time.perf_counter()
    for position in range(len(start) + count - 1):
        found = step({"Input": numbers[position], **states})
        states = {name: found[name] for name in states}
        if position == len(numbers) - 1:
            numbers.append(drawn(found["Output"], rng))
            seconds.append(time.perf_counter() - began)
    return numbers, seconds


def main(arguments=None):
    """Train, write, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time", type=float, default=180, help="seconds to train (default 180)")
    parser.add_argument("--write", type=int, default=LONGEST - 2, help=f"characters to write, at most {LONGEST - 2}")
    options = parser.parse_args(arguments)

    text = library_text()
    alphabet = sorted(set(text))
    numbers = np.searchsorted(alphabet, list(text))
    print(f"text              {len(text):,} characters, {len(alphabet)} different")
    net = gpt(len(alphabet))
    result = net_train(net, sampler(numbers), All, BatchSize=4, LearningRate=0.003, TimeGoal=options.time)
    print(result)
    print(f"loss              {np.mean(result.batch_loss_list[-100:]):.4f}  (nats a character, mean of the last 100 batches)")

    start = np.searchsorted(alphabet, list("\n\n")).tolist()
    written, anew = written_anew(result.trained_net, start, options.write, np.random.default_rng(1))
    again, in_steps = written_in_steps(result.trained_net, start, options.write, np.random.default_rng(1))
    print("".join(alphabet[number] for number in again).strip())
    print(f"the same text     {written == again}")
    for count in sorted({max(1, options.write // 4), max(1, options.write // 2), options.write}):
        times = f"anew for each {anew[count - 1]:.2f} s, in steps {in_steps[count - 1]:.2f} s"
        print(f"{count:4} characters   {times}, speed-up {anew[count - 1] / in_steps[count - 1]:.1f}")


if __name__ == "__main__":
    main()
