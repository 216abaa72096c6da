"""The one table that binds what a net does, and what draws results and progress, to the values that declare it."""

from netgraph.formats.structure import net_from_json, net_to_json
from netgraph.lower.module import net_to_torch
from netgraph.measure.measuring import DRAWERS
from netgraph.nets.function import program_net
from netgraph.run.evaluate import evaluate
from netgraph.show.curves import svg
from netgraph.show.drawing import plot
from netgraph.show.information import net_information
from netgraph.show.measured import confusion_matrix_figure, roc_figure
from netgraph.show.reporting import reporter
from netgraph.show.result_plots import result_figure
from netgraph.show.summary import html, summary
from netgraph.spec.net import bind
from netgraph.spec.typing import settled
from netgraph.surgery.extract import net_extract
from netgraph.surgery.join import net_join
from netgraph.surgery.why import why
from netgraph.train.net_train import REPORTERS
from netgraph.train.result import bind as bind_result

for name, function in {
    "evaluate": evaluate,
    "extract": net_extract,
    "from_json": net_from_json,
    "html": html,
    "information": net_information,
    "join": net_join,
    "plot": plot,
    "program": program_net,
    "summary": summary,
    "to_json": net_to_json,
    "to_torch": net_to_torch,
    "why": why,
    "typed": settled,
}.items():
    bind(name, function)

DRAWERS.update({"ConfusionMatrixPlot": confusion_matrix_figure, "ROCCurvePlot": roc_figure})
bind_result("plot", result_figure)
bind_result("svg", svg)
REPORTERS[:] = [reporter]
