"""The one table that binds what a net does to what a net is."""

from netgraph.lower.module import net_to_torch
from netgraph.run.evaluate import evaluate
from netgraph.spec.net import bind
from netgraph.spec.typing import settled
from netgraph.surgery.extract import net_extract

for name, function in {
    "evaluate": evaluate,
    "extract": net_extract,
    "to_torch": net_to_torch,
    "typed": settled,
}.items():
    bind(name, function)
