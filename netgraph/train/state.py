"""The whole state of a run as plain data and tensors, and back: what a checkpoint holds."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from netgraph.errors import NetTrainingError
from netgraph.spec.net import Net, shared_names
from netgraph.train.loop import Loop
from netgraph.train.runner import Added
from netgraph.train.session import Session

VERSION = 1


def captured(loop: Loop) -> tuple[Net, dict[str, Any], dict[str, torch.Tensor]]:
    """(the user's net as trained so far, plain data, tensors) of a run between two batches.

    Arrays that are in the net are not given twice.
    """
    session, runner = loop.session, loop.runner
    lowered = session.prepared.forward
    net = session.trained(session.whole(*session.current()))
    tensors: dict[str, torch.Tensor] = {}
    for key, array in zip((*lowered.arrays, *lowered.states), (*runner.arrays(), *runner.states()), strict=True):
        if session.average is not None or own_key(session, key) is None:
            tensors[f"arrays/{key}"] = array
    if session.average is not None:
        tensors |= _numbered("average", session.average.arrays)
    tensors |= _numbered("optimizer", runner.optimizer_state())
    for name, values in (("losses", loop.losses), ("rounds", loop.round_losses), ("checks", loop.validation_losses)):
        tensors[name] = torch.tensor(values, dtype=torch.float64)
    for name, values in (("positions/rounds", loop.round_positions), ("positions/checks", loop.validation_positions)):
        tensors[name] = torch.tensor(values, dtype=torch.int64)
    best = None
    if loop.best is not None:
        best = {"Score": list(loop.best[0]), "Round": loop.best[1]}
        tensors |= _numbered("best/arrays", loop.best[2]) | _numbered("best/states", loop.best[3])
    added = None
    if runner.added is not None:
        added = {"Examples": runner.added.examples, "Counts": [count for _, count in runner.added.losses]}
        tensors |= _numbered("added/sums", runner.added.sums) | _numbered("added/losses", [loss for loss, _ in runner.added.losses])
    measured, seen = loop.tracked.state()
    tensors |= _numbered("measured", seen)
    feed, ahead = session.feed.state()
    tensors |= {f"feed/{name}": tensor for name, tensor in ahead.items()}
    checked = None if session.validation is None else session.validation.state()
    if checked is not None:
        tensors |= {f"validation/{name}": tensor for name, tensor in checked[1].items()}
    told = {
        "Version": VERSION,
        "Batch": loop.batch, "Round": loop.round, "Parts": loop.parts, "Examples": loop.examples,
        "Elapsed": loop.elapsed, "CheckedAt": list(loop.checked_at), "Files": list(loop.files),
        "Best": best, "Added": added, "Optimizer": runner.optimizer_told(),
        "Feed": feed, "Validation": None if checked is None else checked[0],
        "Plan": session.plan.to_json(), "Total": session.total, "Rate": session.rate, "BatchSize": session.prepared.batch_size,
        "Curve": session.curve, "Measured": measured,
    }  # fmt: skip
    return net, told, tensors


def restore(loop: Loop, told: Mapping[str, Any], arrays: Mapping[str, torch.Tensor], tensors: Mapping[str, torch.Tensor]) -> None:
    """Put a new run, of the same net, data and options, where `captured` was taken; `arrays` are those of the net by its own keys.

    Errors: NetTrainingError where the state does not fit the run.
    """
    session, runner = loop.session, loop.runner
    lowered = session.prepared.forward

    def array(key: str) -> torch.Tensor:
        own = own_key(session, key)
        found = tensors.get(f"arrays/{key}")
        found = arrays.get(own) if found is None and own is not None else found
        if found is None:
            raise NetTrainingError(f"Resume: the checkpoint has no array {key}")
        return found

    added = None
    if told["Added"] is not None:
        losses = zip(_numbers(tensors, "added/losses"), told["Added"]["Counts"], strict=True)
        device = session.options.device
        sums = tuple(tensor.to(device) for tensor in _numbers(tensors, "added/sums"))
        added = Added(sums, told["Added"]["Examples"], tuple((loss.to(device), count) for loss, count in losses))
    runner.load(
        arrays=[array(key) for key in lowered.arrays], states=[array(key) for key in lowered.states],
        optimizer_state=_numbers(tensors, "optimizer"), optimizer_told=told["Optimizer"], count=told["Batch"], added=added,
    )  # fmt: skip
    if session.average is not None:
        session.average.load(_numbers(tensors, "average"))
    loop.batch, loop.round, loop.parts, loop.examples = (told[name] for name in ("Batch", "Round", "Parts", "Examples"))
    loop.elapsed, loop.checked_at, loop.files = told["Elapsed"], tuple(told["CheckedAt"]), list(told["Files"])
    loop.losses, loop.round_losses, loop.validation_losses = (tensors[name].tolist() for name in ("losses", "rounds", "checks"))
    loop.marks = [(loop.elapsed, loop.batch, loop.examples)]
    loop.round_positions, loop.validation_positions = (tensors[f"positions/{name}"].tolist() for name in ("rounds", "checks"))
    if told["Best"] is not None:
        best, states = (tuple(t.to(session.options.device) for t in _numbers(tensors, f"best/{name}")) for name in ("arrays", "states"))
        loop.best = (tuple(told["Best"]["Score"]), told["Best"]["Round"], best, states)
    loop.tracked.load(told["Measured"], _numbers(tensors, "measured"), session.options.device, session.named)
    session.feed.load(told["Feed"], _under(tensors, "feed"))
    if session.validation is not None and told["Validation"] is not None:
        session.validation.load(told["Validation"], _under(tensors, "validation"))
    loop.watch_again()


def own_key(session: Session, key: str) -> str | None:
    """The key in the user's net of an array of the training net; None for one that the losses brought."""
    if not session.prepared.training.attached or key in shared_names(session.net):
        return key
    return key.removeprefix("net/") if key.startswith("net/") else None


def _numbered(name: str, tensors: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{name}/{number}": tensor for number, tensor in enumerate(tensors)}


def _numbers(tensors: Mapping[str, torch.Tensor], name: str) -> list[torch.Tensor]:
    found = []
    while (tensor := tensors.get(f"{name}/{len(found)}")) is not None:
        found.append(tensor)
    return found


def _under(tensors: Mapping[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(f"{name}/"): tensor for key, tensor in tensors.items() if key.startswith(f"{name}/")}
