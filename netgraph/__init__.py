"""netgraph: declarative neural nets on PyTorch. Written by `make init`; see README.md for the guide."""

import gc as _gc
from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

# what is imported stays, so looking for garbage meanwhile only costs (one pass over torch's objects: 0.07 s)
_collecting = _gc.isenabled()
_gc.disable()

from netgraph.codecs.decoder import NetDecoder
from netgraph.codecs.encoder import NetEncoder
from netgraph.errors import NetError, NetFileError, NetNameError, NetShapeError, NetTrainingError, NetTypeError, NetValueError
from netgraph.layers.arrays import TotalLayer
from netgraph.layers.attention import AttentionLayer
from netgraph.layers.basic import LinearLayer, SoftmaxLayer
from netgraph.layers.compiled import CompiledLayer
from netgraph.layers.constants import NetArrayLayer, ParametricRampLayer
from netgraph.layers.convolution import ConvolutionLayer, PoolingLayer
from netgraph.layers.ctc import CTCLossLayer
from netgraph.layers.elementwise import ElementwiseLayer, ThreadingLayer
from netgraph.layers.function import FunctionLayer
from netgraph.layers.loss import ContrastiveLossLayer, CrossEntropyLossLayer, MeanAbsoluteLossLayer, MeanSquaredLossLayer
from netgraph.layers.metric.adaptive import DynamicSoftMarginLossLayer, ManifoldLossLayer
from netgraph.layers.metric.centers import SoftTripleLossLayer, SubCenterArcFaceLossLayer
from netgraph.layers.metric.class_vectors import (
    ArcFaceLossLayer,
    CosFaceLossLayer,
    LargeMarginSoftmaxLossLayer,
    NormalizedSoftmaxLossLayer,
    P2SGradLossLayer,
    ProxyNCALossLayer,
    SphereFaceLossLayer,
)
from netgraph.layers.metric.distance import CosineSimilarity, DotProductSimilarity, LpDistance, SNRDistance
from netgraph.layers.metric.given import SquaredContrastiveLossLayer, TripletMarginLossLayer
from netgraph.layers.metric.memory import CrossBatchMemory
from netgraph.layers.metric.mining import (
    AngularMiner,
    BatchEasyHardMiner,
    BatchHardMiner,
    MultiSimilarityMiner,
    PairMarginMiner,
    TripletMarginMiner,
)
from netgraph.layers.metric.mining_batch import DistanceWeightedMiner, HDCMiner, PackagedTripletsMiner, UniformHistogramMiner
from netgraph.layers.metric.neighbours import (
    AngularLossLayer,
    InstanceLossLayer,
    NCALossLayer,
    NPairsLossLayer,
    SoftNearestNeighborLossLayer,
    TupletMarginLossLayer,
)
from netgraph.layers.metric.pair import (
    IntraPairVarianceLossLayer,
    MarginLossLayer,
    PairContrastiveLossLayer,
    SignalToNoiseRatioContrastiveLossLayer,
    ThresholdConsistentMarginLossLayer,
)
from netgraph.layers.metric.pn import PNLossLayer
from netgraph.layers.metric.proxies import ProxyAnchorLossLayer
from netgraph.layers.metric.ranking import FastAPLossLayer, HistogramLossLayer, PNPLossLayer, RankedListLossLayer, SmoothAPLossLayer
from netgraph.layers.metric.regularization import RegularizationLossLayer
from netgraph.layers.metric.regularizers import (
    CenterInvariantRegularizer,
    LpRegularizer,
    RegularFaceRegularizer,
    SparseCentersRegularizer,
    ZeroMeanRegularizer,
)
from netgraph.layers.metric.self_supervised import BarlowTwinsLossLayer, SimCLRLossLayer, SimSiamLossLayer, VICRegLossLayer
from netgraph.layers.metric.sets import (
    CircleLossLayer,
    GeneralizedLiftedStructureLossLayer,
    LiftedStructureLossLayer,
    MultiSimilarityLossLayer,
)
from netgraph.layers.metric.softmax import NTXentLossLayer, SupConLossLayer
from netgraph.layers.metric.triplet import TripletLossLayer
from netgraph.layers.metric.views import MultipleNegativesRankingLossLayer
from netgraph.layers.module import ModuleLayer
from netgraph.layers.normalization import InstanceNormalizationLayer, LocalResponseNormalizationLayer, NormalizationLayer
from netgraph.layers.part import ExtractLayer, PartLayer
from netgraph.layers.placeholder import PlaceholderLayer
from netgraph.layers.random_array import RandomArrayLayer
from netgraph.layers.rearrange import AppendLayer, PaddingLayer, PrependLayer, ReplicateLayer, TransposeLayer
from netgraph.layers.recurrent import BasicRecurrentLayer, GatedRecurrentLayer, LongShortTermMemoryLayer
from netgraph.layers.reduce import AggregationLayer, DotLayer, OrderingLayer, SummationLayer
from netgraph.layers.resampling import DeconvolutionLayer, ImageAugmentationLayer, ResizeLayer, SpatialTransformationLayer
from netgraph.layers.sequence import (
    EmbeddingLayer,
    PositionLayer,
    SequenceIndicesLayer,
    SequenceLastLayer,
    SequenceMostLayer,
    SequenceRestLayer,
    SequenceReverseLayer,
    UnitVectorLayer,
)
from netgraph.layers.structure import CatenateLayer, FlattenLayer, ReshapeLayer
from netgraph.layers.training import BatchNormalizationLayer, DropoutLayer
from netgraph.nets.bidirectional import NetBidirectionalOperator
from netgraph.nets.chain import NetChain
from netgraph.nets.fold import NetFoldOperator
from netgraph.nets.gan import NetGANOperator
from netgraph.nets.graph import NetGraph
from netgraph.nets.map import NetMapOperator
from netgraph.nets.map_thread import NetMapThreadOperator
from netgraph.nets.nest import NetNestOperator
from netgraph.nets.pair import NetPairEmbeddingOperator
from netgraph.nets.retired import ConstantArrayLayer, ConstantPlusLayer, ConstantTimesLayer, DotPlusLayer, SequenceAttentionLayer
from netgraph.nets.triplet import NetTripletEmbeddingOperator
from netgraph.spec.arrays import NetArray
from netgraph.spec.net import FILLERS as _FILLERS
from netgraph.spec.ports import Jacobian, NetPort, NetPortGradient
from netgraph.spec.symbols import (
    Abs,
    And,
    ArcCos,
    ArcCosh,
    ArcCot,
    ArcCoth,
    ArcCsc,
    ArcCsch,
    ArcSec,
    ArcSech,
    ArcSin,
    ArcSinh,
    ArcTan,
    ArcTanh,
    Ceiling,
    Chop,
    Clip,
    Cos,
    Cosh,
    CosineDistance,
    Cot,
    Coth,
    Csc,
    Csch,
    CubeRoot,
    Divide,
    Equal,
    Erf,
    Erfc,
    EuclideanDistance,
    Exp,
    Floor,
    FractionalPart,
    Gamma,
    Greater,
    GreaterEqual,
    Gudermannian,
    Haversine,
    If,
    IntegerPart,
    InterquartileRange,
    InverseErf,
    InverseErfc,
    InverseGudermannian,
    InverseHaversine,
    KroneckerDelta,
    Less,
    LessEqual,
    Log,
    LogGamma,
    LogisticSigmoid,
    ManhattanDistance,
    Max,
    Mean,
    MeanDeviation,
    Median,
    Min,
    Mod,
    Negative,
    NonNegative,
    NonPositive,
    Not,
    Or,
    Piecewise,
    Plus,
    Positive,
    PossibleZeroQ,
    Power,
    Ramp,
    Round,
    Sec,
    Sech,
    Sign,
    Sin,
    Sinh,
    Sqrt,
    SquaredEuclideanDistance,
    StandardDeviation,
    Subtract,
    Surd,
    Tan,
    Tanh,
    Threshold,
    Times,
    Total,
    Unequal,
    Unitize,
    Variance,
    Which,
)
from netgraph.types.kinds import Integer
from netgraph.types.symbols import All, Automatic, File, Scaled

if _TYPE_CHECKING:
    from netgraph.data.sampled import Sampled
    from netgraph.data.samplers import FixedTripletSampler, HardNegativeSampler, HierarchicalSampler, MPerClassSampler
    from netgraph.formats.from_torch import net_from_torch
    from netgraph.formats.native import net_load, net_save
    from netgraph.formats.schema import net_json_schema
    from netgraph.formats.structure import net_from_json, net_to_json
    from netgraph.formats.transfer import TransferResult, net_transfer
    from netgraph.lower.module import net_to_torch
    from netgraph.measure.retrieval import embedding_measurements
    from netgraph.run.state_object import NetStateObject
    from netgraph.show.embeddings import embedding_plot, neighbor_plot
    from netgraph.show.information import net_information
    from netgraph.surgery.delete import net_delete
    from netgraph.surgery.extract import net_extract
    from netgraph.surgery.flatten import net_flatten
    from netgraph.surgery.initialize import net_initialize
    from netgraph.surgery.join import net_append, net_insert, net_join, net_prepend
    from netgraph.surgery.rename import net_rename
    from netgraph.surgery.replace import net_replace
    from netgraph.surgery.replace_part import net_replace_part
    from netgraph.surgery.shared import net_insert_shared_arrays
    from netgraph.surgery.take import net_drop, net_take
    from netgraph.surgery.unfold import net_unfold, unfold_states
    from netgraph.train.net_measurements import net_measurements
    from netgraph.train.net_train import net_train
    from netgraph.train.result import NetTrainResultsObject, StopReason
    from netgraph.train.trainer import Trainer

    NetAppend = net_append
    NetDelete = net_delete
    NetDrop = net_drop
    NetExtract = net_extract
    NetFlatten = net_flatten
    NetInformation = net_information
    NetInitialize = net_initialize
    NetInsert = net_insert
    NetInsertSharedArrays = net_insert_shared_arrays
    NetJoin = net_join
    NetMeasurements = net_measurements
    NetPrepend = net_prepend
    NetRename = net_rename
    NetReplace = net_replace
    NetReplacePart = net_replace_part
    NetTake = net_take
    NetTrain = net_train
    NetUnfold = net_unfold

_LATER = {
    "FixedTripletSampler": "netgraph.data.samplers:FixedTripletSampler",
    "HardNegativeSampler": "netgraph.data.samplers:HardNegativeSampler",
    "HierarchicalSampler": "netgraph.data.samplers:HierarchicalSampler",
    "MPerClassSampler": "netgraph.data.samplers:MPerClassSampler",
    "NetAppend": "netgraph.surgery.join:net_append",
    "NetDelete": "netgraph.surgery.delete:net_delete",
    "NetDrop": "netgraph.surgery.take:net_drop",
    "NetExtract": "netgraph.surgery.extract:net_extract",
    "NetFlatten": "netgraph.surgery.flatten:net_flatten",
    "NetInformation": "netgraph.show.information:net_information",
    "NetInitialize": "netgraph.surgery.initialize:net_initialize",
    "NetInsert": "netgraph.surgery.join:net_insert",
    "NetInsertSharedArrays": "netgraph.surgery.shared:net_insert_shared_arrays",
    "NetJoin": "netgraph.surgery.join:net_join",
    "NetMeasurements": "netgraph.train.net_measurements:net_measurements",
    "NetPrepend": "netgraph.surgery.join:net_prepend",
    "NetRename": "netgraph.surgery.rename:net_rename",
    "NetReplace": "netgraph.surgery.replace:net_replace",
    "NetReplacePart": "netgraph.surgery.replace_part:net_replace_part",
    "NetStateObject": "netgraph.run.state_object:NetStateObject",
    "NetTake": "netgraph.surgery.take:net_take",
    "NetTrain": "netgraph.train.net_train:net_train",
    "NetTrainResultsObject": "netgraph.train.result:NetTrainResultsObject",
    "NetUnfold": "netgraph.surgery.unfold:net_unfold",
    "Sampled": "netgraph.data.sampled:Sampled",
    "StopReason": "netgraph.train.result:StopReason",
    "Trainer": "netgraph.train.trainer:Trainer",
    "TransferResult": "netgraph.formats.transfer:TransferResult",
    "embedding_measurements": "netgraph.measure.retrieval:embedding_measurements",
    "embedding_plot": "netgraph.show.embeddings:embedding_plot",
    "neighbor_plot": "netgraph.show.embeddings:neighbor_plot",
    "net_append": "netgraph.surgery.join:net_append",
    "net_delete": "netgraph.surgery.delete:net_delete",
    "net_drop": "netgraph.surgery.take:net_drop",
    "net_extract": "netgraph.surgery.extract:net_extract",
    "net_flatten": "netgraph.surgery.flatten:net_flatten",
    "net_from_json": "netgraph.formats.structure:net_from_json",
    "net_from_torch": "netgraph.formats.from_torch:net_from_torch",
    "net_information": "netgraph.show.information:net_information",
    "net_initialize": "netgraph.surgery.initialize:net_initialize",
    "net_insert": "netgraph.surgery.join:net_insert",
    "net_insert_shared_arrays": "netgraph.surgery.shared:net_insert_shared_arrays",
    "net_join": "netgraph.surgery.join:net_join",
    "net_json_schema": "netgraph.formats.schema:net_json_schema",
    "net_load": "netgraph.formats.native:net_load",
    "net_measurements": "netgraph.train.net_measurements:net_measurements",
    "net_prepend": "netgraph.surgery.join:net_prepend",
    "net_rename": "netgraph.surgery.rename:net_rename",
    "net_replace": "netgraph.surgery.replace:net_replace",
    "net_replace_part": "netgraph.surgery.replace_part:net_replace_part",
    "net_save": "netgraph.formats.native:net_save",
    "net_take": "netgraph.surgery.take:net_take",
    "net_to_json": "netgraph.formats.structure:net_to_json",
    "net_to_torch": "netgraph.lower.module:net_to_torch",
    "net_train": "netgraph.train.net_train:net_train",
    "net_transfer": "netgraph.formats.transfer:net_transfer",
    "net_unfold": "netgraph.surgery.unfold:net_unfold",
    "unfold_states": "netgraph.surgery.unfold:unfold_states",
}

if _collecting:
    _gc.enable()


def _import_verbs():
    """Import all that nets do, which binds it to them."""
    collecting = _gc.isenabled()
    _gc.disable()
    try:
        return _import_module("netgraph.verbs")
    finally:
        if collecting:
            _gc.enable()


_FILLERS.append(_import_verbs)


def __getattr__(name):
    if name not in _LATER:
        raise AttributeError(f"module 'netgraph' has no attribute {name!r}")
    _import_verbs()
    module, _, attribute = _LATER[name].partition(":")
    value = globals()[name] = getattr(_import_module(module), attribute)
    return value


def __dir__():
    return __all__


__all__ = [
    "Abs", "AggregationLayer", "All", "And", "AngularLossLayer", "AngularMiner", "AppendLayer", "ArcCos", "ArcCosh", "ArcCot",
    "ArcCoth", "ArcCsc", "ArcCsch", "ArcFaceLossLayer", "ArcSec", "ArcSech", "ArcSin", "ArcSinh", "ArcTan", "ArcTanh", "AttentionLayer",
    "Automatic", "BarlowTwinsLossLayer", "BasicRecurrentLayer", "BatchEasyHardMiner", "BatchHardMiner", "BatchNormalizationLayer",
    "CTCLossLayer", "CatenateLayer", "Ceiling", "CenterInvariantRegularizer", "Chop", "CircleLossLayer", "Clip", "CompiledLayer",
    "ConstantArrayLayer", "ConstantPlusLayer", "ConstantTimesLayer", "ContrastiveLossLayer", "ConvolutionLayer", "Cos",
    "CosFaceLossLayer", "Cosh", "CosineDistance", "CosineSimilarity", "Cot", "Coth", "CrossBatchMemory", "CrossEntropyLossLayer", "Csc",
    "Csch", "CubeRoot", "DeconvolutionLayer", "DistanceWeightedMiner", "Divide", "DotLayer", "DotPlusLayer", "DotProductSimilarity",
    "DropoutLayer", "DynamicSoftMarginLossLayer", "ElementwiseLayer", "EmbeddingLayer", "Equal", "Erf", "Erfc", "EuclideanDistance",
    "Exp", "ExtractLayer", "FastAPLossLayer", "File", "FixedTripletSampler", "FlattenLayer", "Floor", "FractionalPart", "FunctionLayer",
    "Gamma", "GatedRecurrentLayer", "GeneralizedLiftedStructureLossLayer", "Greater", "GreaterEqual", "Gudermannian", "HDCMiner",
    "HardNegativeSampler", "Haversine", "HierarchicalSampler", "HistogramLossLayer", "If", "ImageAugmentationLayer",
    "InstanceLossLayer", "InstanceNormalizationLayer", "Integer", "IntegerPart", "InterquartileRange", "IntraPairVarianceLossLayer",
    "InverseErf", "InverseErfc", "InverseGudermannian", "InverseHaversine", "Jacobian", "KroneckerDelta", "LargeMarginSoftmaxLossLayer",
    "Less", "LessEqual", "LiftedStructureLossLayer", "LinearLayer", "LocalResponseNormalizationLayer", "Log", "LogGamma",
    "LogisticSigmoid", "LongShortTermMemoryLayer", "LpDistance", "LpRegularizer", "MPerClassSampler", "ManhattanDistance",
    "ManifoldLossLayer", "MarginLossLayer", "Max", "Mean", "MeanAbsoluteLossLayer", "MeanDeviation", "MeanSquaredLossLayer", "Median",
    "Min", "Mod", "ModuleLayer", "MultiSimilarityLossLayer", "MultiSimilarityMiner", "MultipleNegativesRankingLossLayer",
    "NCALossLayer", "NPairsLossLayer", "NTXentLossLayer", "Negative", "NetAppend", "NetArray", "NetArrayLayer",
    "NetBidirectionalOperator", "NetChain", "NetDecoder", "NetDelete", "NetDrop", "NetEncoder", "NetError", "NetExtract",
    "NetFileError", "NetFlatten", "NetFoldOperator", "NetGANOperator", "NetGraph", "NetInformation", "NetInitialize", "NetInsert",
    "NetInsertSharedArrays", "NetJoin", "NetMapOperator", "NetMapThreadOperator", "NetMeasurements", "NetNameError", "NetNestOperator",
    "NetPairEmbeddingOperator", "NetPort", "NetPortGradient", "NetPrepend", "NetRename", "NetReplace", "NetReplacePart",
    "NetShapeError", "NetStateObject", "NetTake", "NetTrain", "NetTrainResultsObject", "NetTrainingError",
    "NetTripletEmbeddingOperator", "NetTypeError", "NetUnfold", "NetValueError", "NonNegative", "NonPositive", "NormalizationLayer",
    "NormalizedSoftmaxLossLayer", "Not", "Or", "OrderingLayer", "P2SGradLossLayer", "PNLossLayer", "PNPLossLayer",
    "PackagedTripletsMiner", "PaddingLayer", "PairContrastiveLossLayer", "PairMarginMiner", "ParametricRampLayer", "PartLayer",
    "Piecewise", "PlaceholderLayer", "Plus", "PoolingLayer", "PositionLayer", "Positive", "PossibleZeroQ", "Power", "PrependLayer",
    "ProxyAnchorLossLayer", "ProxyNCALossLayer", "Ramp", "RandomArrayLayer", "RankedListLossLayer", "RegularFaceRegularizer",
    "RegularizationLossLayer", "ReplicateLayer", "ReshapeLayer", "ResizeLayer", "Round", "SNRDistance", "Sampled", "Scaled", "Sec",
    "Sech", "SequenceAttentionLayer", "SequenceIndicesLayer", "SequenceLastLayer", "SequenceMostLayer", "SequenceRestLayer",
    "SequenceReverseLayer", "Sign", "SignalToNoiseRatioContrastiveLossLayer", "SimCLRLossLayer", "SimSiamLossLayer", "Sin", "Sinh",
    "SmoothAPLossLayer", "SoftNearestNeighborLossLayer", "SoftTripleLossLayer", "SoftmaxLayer", "SparseCentersRegularizer",
    "SpatialTransformationLayer", "SphereFaceLossLayer", "Sqrt", "SquaredContrastiveLossLayer", "SquaredEuclideanDistance",
    "StandardDeviation", "StopReason", "SubCenterArcFaceLossLayer", "Subtract", "SummationLayer", "SupConLossLayer", "Surd", "Tan",
    "Tanh", "ThreadingLayer", "Threshold", "ThresholdConsistentMarginLossLayer", "Times", "Total", "TotalLayer", "Trainer",
    "TransferResult", "TransposeLayer", "TripletLossLayer", "TripletMarginLossLayer", "TripletMarginMiner", "TupletMarginLossLayer",
    "Unequal", "UniformHistogramMiner", "UnitVectorLayer", "Unitize", "VICRegLossLayer", "Variance", "Which", "ZeroMeanRegularizer",
    "embedding_measurements", "embedding_plot", "neighbor_plot", "net_append", "net_delete", "net_drop", "net_extract", "net_flatten",
    "net_from_json", "net_from_torch", "net_information", "net_initialize", "net_insert", "net_insert_shared_arrays", "net_join",
    "net_json_schema", "net_load", "net_measurements", "net_prepend", "net_rename", "net_replace", "net_replace_part", "net_save",
    "net_take", "net_to_json", "net_to_torch", "net_train", "net_transfer", "net_unfold", "unfold_states",
]  # fmt: skip
