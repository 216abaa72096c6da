"""The "CTCBeamSearch" decoder."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from netgraph.codecs.class_labels import ClassEncoder, Labels
from netgraph.codecs.decoder import NetDecoder
from netgraph.codecs.encoder import NetEncoder
from netgraph.errors import NetValueError
from netgraph.spec.parameters import Count, is_integer
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType

Labelling = tuple[int, ...]

NEVER = -1e30
"""The logarithm of the probability of what cannot be, a number so that differences of two are one."""


class CTCBeamSearchDecoder(NetDecoder, kind="CTCBeamSearch"):
    """Probabilities of the elements of an alphabet and, last, of the blank, at each step, to the most probable sequence of elements.

        NetDecoder(("CTCBeamSearch", alphabet))      (Varying, n + 1) for n elements

    The probability of a sequence is the sum over all alignments, one element or blank a step, that become it when repeats are merged and
    then blanks left out, as in CTCLossLayer. BeamSize: how many beginnings are kept after each step, the most probable ones; 100. The
    result is exact where no more are possible. With BeamSize 1 the most probable element of each step is taken.
    Properties: "Decoding", a list of elements; "Decodings", all that were found, best first; ("TopDecodings", n); "NegativeLogLikelihoods",
    for all that were found the pair (decoding, minus the logarithm of its probability over all alignments, the loss of CTCLossLayer);
    ("TopNegativeLogLikelihoods", n). The encoder that belongs to it is "Class" with Dimensions=("Varying",).
    Errors: NetShapeError for vectors of another length.
    Source: Wolfram's NetDecoder["CTCBeamSearch"]; the search of Hannun et al. 2014 (arXiv 1408.2873).

    >>> decoder = NetDecoder(("CTCBeamSearch", ["a", "b"]))
    >>> decoder([[0.4, 0, 0.6], [0.4, 0, 0.6]]), decoder([[0.4, 0, 0.6], [0.4, 0, 0.6]], ("TopDecodings", 2))
    (['a'], [['a'], []])
    """

    positional = ("Alphabet",)
    Alphabet: Labels
    BeamSize: Count = 100
    properties = ("Decoding", "Decodings", "TopDecodings", "NegativeLogLikelihoods", "TopNegativeLogLikelihoods")

    @classmethod
    def hint(cls, name: str) -> str:
        return 'the list of elements: ("CTCBeamSearch", ["a", "b", "c"])'

    def port_type(self) -> PortType:
        return PortType(REAL, (None, len(self.Alphabet) + 1))

    def ranks(self) -> tuple[int, ...]:
        return (2,)

    def accepts(self, shape) -> str | None:
        count = len(self.Alphabet)
        wrong = bool(shape) and shape[-1] not in (None, count + 1)
        return f"there are {count} elements and the blank" if wrong else None

    def decode(self, array, what, argument, source) -> Any:
        most = self._most(what, argument)
        if not (array >= 0).all():
            raise NetValueError(f"{self!r} wants probabilities, got {array[~(array >= 0)][0]}")
        with np.errstate(divide="ignore"):
            logs = np.log(array.astype(np.float64))
        found = [greedy(logs)] if self.BeamSize == 1 else beam_search(logs, self.BeamSize)
        likely = log_likelihoods(logs, found)
        order = sorted(range(len(found)), key=lambda place: -likely[place])[:most]
        decodings = [[self.Alphabet[code] for code in found[place]] for place in order]
        if what == "Decoding":
            return decodings[0]
        if "LogLikelihoods" not in what:
            return decodings
        return [(decoding, -float(likely[place]) + 0.0) for decoding, place in zip(decodings, order, strict=True)]

    def _most(self, what: str, argument) -> int | None:
        if not what.startswith("Top"):
            if argument is not None:
                raise NetValueError(f"{self!r}: {what!r} takes no argument")
            return None
        if argument is None:
            raise NetValueError(f'{self!r}: how many "{what}"?', fix=f'("{what}", 3)')
        if not is_integer(argument) or argument < 1:
            raise NetValueError(f'("{what}", n): n is how many, from 1, got {argument!r}')
        return argument

    def partner(self, port=None) -> NetEncoder:
        return ClassEncoder(self.Alphabet, Dimensions=("Varying",))


def greedy(logs: np.ndarray) -> Labelling:
    """The most probable class of each step, repeats merged, blanks left out."""
    best, blank = logs.argmax(-1), logs.shape[1] - 1
    new = best != np.concatenate([[blank], best[:-1]])
    return tuple(best[new & (best != blank)].tolist())


def beam_search(logs: np.ndarray, size: int) -> list[Labelling]:
    """The beginnings that are most probable after each step, `size` of them, until the last step; of the rest, those of probability 0 go.

    `logs` are log-probabilities, (steps, classes) with the blank last. Each beginning is a node of a tree: its parent and its last element.
    `blanks` and `ends` are the log-probabilities of its alignments so far that end with a blank, and with its last element.
    """
    blank = logs.shape[1] - 1
    parents, lasts = [-1], [-1]
    known: dict[tuple[int, int], int] = {}
    nodes = [0]
    blanks, ends = np.zeros(1), np.full(1, -np.inf)
    for number, step in enumerate(logs):
        place = {node: where for where, node in enumerate(nodes)}
        last = np.array([lasts[node] for node in nodes])
        total = np.logaddexp(blanks, ends)
        longer = total[:, None] + step[:blank]
        rooted = last >= 0
        where = np.flatnonzero(rooted)
        longer[where, last[where]] = blanks[where] + step[last[where]]  # the same again is another only behind a blank
        stay_blank = total + step[blank]
        stay_end = np.where(rooted, ends + step[last], -np.inf)
        for child in where.tolist():  # a beginning that is there already is reached from its parent too
            parent = place.get(parents[nodes[child]])
            if parent is not None:
                stay_end[child] = np.logaddexp(stay_end[child], longer[parent, last[child]])
                longer[parent, last[child]] = -np.inf
        scores = np.concatenate([np.logaddexp(stay_blank, stay_end), longer.ravel()])
        kept = np.arange(len(scores)) if len(scores) <= size else np.argpartition(-scores, size - 1)[:size]
        kept = np.sort(kept[scores[kept] > -np.inf])
        if not len(kept):
            raise NetValueError(f"no sequence has a probability above 0: at step {number} all are 0")
        old = kept[kept < len(nodes)]
        grown = kept[len(old) :] - len(nodes)
        blanks = np.concatenate([stay_blank[old], np.full(len(grown), -np.inf)])
        ends = np.concatenate([stay_end[old], longer.ravel()[grown]])
        following = [nodes[entry] for entry in old.tolist()]
        for entry in grown.tolist():
            key = (nodes[entry // blank], entry % blank)
            if key not in known:
                known[key] = len(parents)
                parents.append(key[0])
                lasts.append(key[1])
            following.append(known[key])
        nodes = following
    return [_path(node, parents, lasts) for node in nodes]


def _path(node: int, parents: list[int], lasts: list[int]) -> Labelling:
    path = []
    while node:
        path.append(lasts[node])
        node = parents[node]
    return tuple(reversed(path))


def log_likelihoods(logs: np.ndarray, labellings: Sequence[Labelling]) -> np.ndarray:
    """The logarithm of the probability of each labelling, over all its alignments: the forward recursion of Graves et al. 2006."""
    blank = logs.shape[1] - 1
    longest = max(map(len, labellings), default=0)
    states = np.full((len(labellings), 2 * longest + 1), blank)
    for row, labelling in enumerate(labellings):
        states[row, 1 : 2 * len(labelling) : 2] = labelling
    leaps = np.zeros(states.shape, dtype=bool)  # where the blank before may be left out: between different elements
    leaps[:, 2:] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    reach = np.full((len(labellings), 2 * longest + 3), NEVER)  # two columns in front for what lies before
    reach[:, 2] = 0  # at the first blank, before any step
    for step in logs:
        leap = np.where(leaps, reach[:, :-2], NEVER)
        most = np.maximum(np.maximum(reach[:, 2:], reach[:, 1:-1]), leap)
        # several times as fast as logaddexp
        ways = np.exp(reach[:, 2:] - most) + np.exp(reach[:, 1:-1] - most) + np.exp(leap - most)
        reach[:, 2:] = np.maximum(most + np.log(ways) + step[states], NEVER)
    ends = 2 * np.array([len(labelling) for labelling in labellings]) + 1
    rows = np.arange(len(labellings))
    total = np.logaddexp(reach[rows, ends], reach[rows, ends + 1])
    return np.where(total > NEVER / 2, total, -np.inf)
