"""What is to be measured, as users write it, as one frozen value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.measure.confusion import OF_CLASSES
from netgraph.spec.names import spelled
from netgraph.spec.parameters import is_integer, is_number
from netgraph.spec.ports import NetPort
from netgraph.types.symbols import Automatic

CLASSIFICATION = (
    "Accuracy", "ErrorRate", "ConfusionMatrix", "ConfusionMatrixPlot", "CohenKappa", "ScottPi", "Entropy", "Perplexity", *OF_CLASSES,
    "ROCCurve", "ROCCurvePlot", "AreaUnderROCCurve",
)  # fmt: skip
"""What can be measured of an output with a cross-entropy."""

REGRESSION = ("MeanSquare", "MeanDeviation", "StandardDeviation", "FractionVarianceUnexplained", "RSquared", "IntersectionOverUnion")
"""What can be measured of an output with a mean squared or mean absolute loss."""

RETRIEVAL = ("RecallAt", "PrecisionAt", "RPrecision", "MAPAtR", "MAP", "MeanReciprocalRank", "NeighborAccuracy")
"""What the order of the references of a query tells of embeddings."""

CLUSTERING = ("NormalizedMutualInformation", "AdjustedMutualInformation")
"""What clusters of embeddings tell."""

VERIFICATION = (
    "VerificationThreshold", "VerificationAccuracy", "VerificationF1Score", "VerificationROCCurve", "VerificationAreaUnderROCCurve",
)  # fmt: skip
"""What pairs of embeddings tell."""

FALLING = (
    "Loss", "ErrorRate", "Entropy", "Perplexity", "FalsePositiveRate", "FalseNegativeRate", "FalseDiscoveryRate", "FalseOmissionRate",
    "FalsePositiveNumber", "FalseNegativeNumber", "MeanSquare", "MeanDeviation", "StandardDeviation", "FractionVarianceUnexplained",
)  # fmt: skip
"""What gets better as it falls; everything else rises, but what is measured at ports falls, like a loss."""

AVERAGED = (*OF_CLASSES, "ROCCurve", "AreaUnderROCCurve", *RETRIEVAL)
"""What is averaged over classes, or, of retrieval, over queries."""

AGGREGATIONS = ("Mean", "Sum", "RMS", "StandardDeviation", "Min", "Max", "L1Norm", "L2Norm")
WITH_PARAMETER = {
    "Accuracy": "n", "ErrorRate": "n", "FScore": "beta", "VerificationAccuracy": "threshold", "VerificationF1Score": "threshold",
    **dict.fromkeys(("RecallAt", "PrecisionAt", "MAP", "NeighborAccuracy"), "k"),
}  # fmt: skip
_SUBOPTIONS = ("Measurement", "Key", "Aggregation", "ClassAveraging", "Interval", "Direction", "Port")


@dataclass(frozen=True)
class Measurement:
    """One measurement: `what` is a name, a NetPort or a function; `key` the name that its value is stored under.

    `port` is the output it is about (None: the one that its name fits), `averaging` None, "Macro" or "Micro" for what each class has,
    `aggregation` how an array becomes a number (None: it stays one), `rising` whether more is better, `interval` how often it is taken.
    """

    what: Any
    parameter: float | None = None
    key: str = ""
    port: str | None = None
    averaging: str | None = None
    aggregation: str | None = None
    rising: bool = True
    interval: Any = None

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return self.key


def parse_measurement(spec: Any, where: str, losses: Sequence[str] = ()) -> Measurement:
    """A measurement from its notation; `losses` are the names of the terms of the loss.

        "Accuracy"                                          by name
        ("Accuracy", 3), ("FScore", 2)                      with its parameter
        NetPort("Output"), NetPort("0", "Weights")          the value at a port, or an array
        f                                                   a function of ports by name, averaged over the examples
        {"Measurement": any of these, "Key": ..., "Aggregation": ..., "ClassAveraging": ..., "Interval": ..., "Direction": ..., "Port": ...}

    Errors: NetNameError for an unknown name or suboption with the nearest ones, NetTypeError and NetValueError for their values.

    >>> parse_measurement(("FScore", 2), "net_measurements").key
    'FScore(2)'
    """
    options: dict[str, Any] = {}
    if isinstance(spec, Mapping):
        options = spelled(spec, _SUBOPTIONS, f"{where}: a measurement")
        if "Measurement" not in options:
            raise NetTypeError(f'{where}: a dict of suboptions has "Measurement", what is measured; got {spec!r}')
        spec = options["Measurement"]
    what, parameter = spec if isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[0], str) else (spec, None)
    if isinstance(what, str):
        _check_name(what, parameter, where, losses)
    elif not isinstance(what, NetPort) and not callable(what):
        raise NetTypeError(f"{where}: a measurement is a name, a name with its parameter, NetPort(...), a function or a dict; got {spec!r}")
    averaging = _choice(options.get("ClassAveraging"), (None, "Macro", "Micro"), f"{where}: ClassAveraging")
    if averaging and what not in AVERAGED:
        raise NetValueError(f"{where}: ClassAveraging is for what each class has, {what!r} is one value")
    direction = _choice(options.get("Direction"), (None, "Increasing", "Decreasing"), f"{where}: Direction")
    return Measurement(
        what,
        parameter,
        _key(options.get("Key", Automatic), what, parameter, where),
        _port(options.get("Port"), where),
        averaging,
        _choice(options.get("Aggregation"), (None, *AGGREGATIONS), f"{where}: Aggregation"),
        direction == "Increasing" if direction else isinstance(what, str) and what not in (*FALLING, *losses),
        options.get("Interval"),
    )


def _check_name(name: str, parameter: Any, where: str, losses: Sequence[str]) -> None:
    known = ("Loss", *losses, *CLASSIFICATION, *REGRESSION, *RETRIEVAL, *CLUSTERING, *VERIFICATION)
    if name not in known:
        raise NetNameError(f"{where}: there is no measurement {name!r}, {did_you_mean(name, list(known))}")
    if parameter is None:
        if name in ("VerificationAccuracy", "VerificationF1Score"):
            raise NetTypeError(f"{where}: {name} wants a threshold, chosen on other data", fix=f'("{name}", threshold)')
        return
    if name not in WITH_PARAMETER:
        raise NetTypeError(f"{where}: {name} takes no parameter, got {parameter!r}")
    if WITH_PARAMETER[name] == "beta":
        if not is_number(parameter) or parameter <= 0:
            raise NetValueError(f"{where}: the beta of FScore is a number above 0, got {parameter!r}")
    elif WITH_PARAMETER[name] == "threshold":
        if not is_number(parameter):
            raise NetTypeError(f"{where}: the threshold of {name} is a number, got {parameter!r}")
    elif not is_integer(parameter) or parameter < 1:
        raise NetValueError(f"{where}: the {WITH_PARAMETER[name]} of {name} is a whole number from 1, got {parameter!r}")


def _key(given: Any, what: Any, parameter: Any, where: str) -> str:
    if given is not Automatic:
        if not isinstance(given, str) or not given:
            raise NetTypeError(f"{where}: Key is a text, got {given!r}")
        return given
    if isinstance(what, str):
        return what if parameter is None else f"{what}({parameter})"
    if isinstance(what, NetPort):
        return "/".join(map(str, what.path))
    return getattr(what, "__name__", None) or type(what).__name__


def _port(given: Any, where: str) -> str | None:
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, NetPort) and len(given.path) == 1 and isinstance(given.path[0], str):
        return given.path[0]
    raise NetTypeError(f"{where}: Port is the name of an output, got {given!r}")


def _choice(value: Any, known: tuple, where: str) -> Any:
    if value not in known:
        raise NetValueError(f"{where} is {', '.join(map(repr, known))}; got {value!r}")
    return value
