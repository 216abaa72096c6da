"""The two spellings of a name, Wolfram's and Python's, by one rule."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from netgraph.errors import NetNameError, NetTypeError, did_you_mean

ACRONYMS = ("AUC", "CTC", "EMA", "FLOPs", "GAN", "ONNX", "RMS", "ROC", "URL")
_WORDS = re.compile("|".join(ACRONYMS) + r"|[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


def snake(name: str) -> str:
    """Python's spelling of one of Wolfram's names.

    >>> snake("MaxTrainingRounds"), snake("CTCLossLayer"), snake("EMA")
    ('max_training_rounds', 'ctc_loss_layer', 'ema')
    """
    return "_".join(word.lower() for word in _WORDS.findall(name))


def spelled(given: Mapping[str, object], names: Iterable[str], where: str, *, aliased: Iterable[str] | None = None) -> dict[str, Any]:
    """The keywords of a call under the spelling in `names`; those in `aliased` (default: all) are accepted in snake case too.

    Errors: NetTypeError when one option is given under both spellings, NetNameError for a word that is no option.

    >>> spelled({"batch_size": 512}, ["BatchSize"], "net_train")
    {'BatchSize': 512}
    """
    names = list(names)
    other = {snake(name): name for name in (names if aliased is None else aliased)}
    result: dict[str, Any] = {}
    for word, value in given.items():
        name = word if word in names else other.get(word)
        if name is None:
            raise NetNameError(f'{where} has no option "{word}", {did_you_mean(word, names)}')
        if name in result:
            raise NetTypeError(f"{where}: {name} is given twice, as {name}= and {snake(name)}=")
        result[name] = value
    return result
