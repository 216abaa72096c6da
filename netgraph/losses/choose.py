"""The loss that goes with an output: chosen by the layer that feeds it."""

from netgraph.codecs.boolean import BooleanDecoder
from netgraph.codecs.class_labels import ClassDecoder
from netgraph.codecs.each import EachDecoder
from netgraph.codecs.text.ctc_beam_search import CTCBeamSearchDecoder
from netgraph.layers.basic import SoftmaxLayer
from netgraph.layers.ctc import CTCLossLayer
from netgraph.layers.elementwise import ElementwiseLayer
from netgraph.layers.loss import ContrastiveLossLayer, CrossEntropyLossLayer, MeanSquaredLossLayer
from netgraph.layers.metric.given import TripletMarginLossLayer
from netgraph.nets.codecs import port_codecs
from netgraph.nets.container import Container, input_names, output_names
from netgraph.nets.fold import NetFoldOperator
from netgraph.nets.map import NetMapOperator
from netgraph.nets.pair import NetPairEmbeddingOperator
from netgraph.nets.triplet import MEMBERS, NetTripletEmbeddingOperator
from netgraph.spec.net import Net
from netgraph.spec.symbols import symbol
from netgraph.spec.typing import settled
from netgraph.types.port_type import PortType


def feeder(net: Net, port: str) -> Net | None:
    """The layer that feeds an output of `net`, looking through nesting, mapping and pure reshaping; None for a bare input.

    >>> from netgraph import NetChain, SoftmaxLayer
    >>> feeder(NetChain([3, [SoftmaxLayer(), []]]), "Output")
    SoftmaxLayer()
    """
    path = feeder_path(net, port)
    return None if path is None else _at(net, path)


def feeder_path(net: Net, port: str) -> tuple[str, ...] | None:
    """Where that layer stands."""
    side, path = "out", ()
    while True:
        part = _at(net, path if side == "out" else path[:-1])
        if side == "out" and isinstance(part, Container):
            source, port = part.output_sources[port]
            side, path = ("out", (*path, *source)) if source else ("in", path)
        elif side == "out" and isinstance(part, NetFoldOperator):
            path = (*path, "Net")
        elif side == "out" and isinstance(part, NetMapOperator):
            path, port = (*path, "Net"), output_names(part.children["Net"])[0]
        elif side == "out" and hasattr(part, "keeps_last"):
            side, port = "in", input_names(part)[0]
        elif side == "out":
            return path
        elif not path:
            return None
        elif isinstance(part, Container):
            wire = next(w for w in part.wires if w.part == path[-1] and w.part_port == port)
            port = wire.source_port
            side, path = ("out", (*path[:-1], *wire.source)) if wire.source else ("in", path[:-1])
        elif port in part.state_names():
            return None
        else:
            port = port if isinstance(part, NetFoldOperator) else "Input"
            path = path[:-1]


def _at(net: Net, path: tuple[str, ...]) -> Net:
    for name in path:
        net = net.children[name]
    return net


def chosen_loss(net: Net, port: str, target: PortType | None) -> Net:
    """The loss layer for an output, as Wolfram chooses: a softmax gets a cross-entropy ("Probabilities" when the target is of the
    output's shape, else "Index"), a logistic sigmoid the binary one, a pair embedding the contrastive loss, anything else the mean square.
    A decoder at the output decides before that: of classes for the cross-entropy (several labels: the binary one), of Booleans for the
    binary one, a beam search for the CTC loss.

    >>> from netgraph import NetChain, SoftmaxLayer
    >>> chosen_loss(NetChain([3, SoftmaxLayer()]), "Output", None)
    CrossEntropyLossLayer("Index")
    """
    layer, decoder = feeder(net, port), port_codecs(net).decoders.get(port)
    while isinstance(decoder, EachDecoder):
        decoder = decoder.Decoder
    if isinstance(decoder, CTCBeamSearchDecoder):
        return CTCLossLayer()
    if isinstance(decoder, BooleanDecoder) or (isinstance(decoder, ClassDecoder) and decoder.Multilabel):
        return CrossEntropyLossLayer("Binary")
    if isinstance(layer, NetPairEmbeddingOperator):
        return ContrastiveLossLayer()
    if isinstance(layer, ElementwiseLayer) and layer.Function == symbol("LogisticSigmoid"):
        return CrossEntropyLossLayer("Binary")
    if isinstance(layer, SoftmaxLayer) or isinstance(decoder, ClassDecoder):
        shape = settled(net).outputs[port].shape
        same_rank = target is not None and target.shape is not None and shape is not None and len(target.shape) == len(shape)
        return CrossEntropyLossLayer("Probabilities" if same_rank else "Index")
    return MeanSquaredLossLayer()


def chosen_for_all(net: Net) -> Net | None:
    """One loss layer for all outputs together, fed by name: a triplet embedding gets the triplet margin loss; None for other nets.

    >>> from netgraph import NetTripletEmbeddingOperator
    >>> chosen_for_all(NetTripletEmbeddingOperator([3]))
    TripletMarginLossLayer()
    """
    outputs = output_names(net)
    triplet = set(outputs) == set(MEMBERS) and all(isinstance(feeder(net, port), NetTripletEmbeddingOperator) for port in outputs)
    return TripletMarginLossLayer() if triplet else None
