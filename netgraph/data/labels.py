"""Labels as data: classes are integers here, and which integer a label is, is not guessed."""

from enum import Enum
from typing import Any

import numpy as np

from netgraph.errors import NetTypeError
from netgraph.spec.described import sort_of

SHOWN = 4
"""A fix names the classes where there are at most so many."""


def refuse_labels(column: list | np.ndarray, where: str):
    """Raise the NetTypeError of a column of labels: strings, bytes, members of an Enum, or tuples with such.

    A guess would take the classes from what happens to be in the data, so that other data would mean others.

    >>> refuse_labels(["cat", "dog", "cat"], 'column "Output"')
    Traceback (most recent call last):
    netgraph.errors.NetTypeError: column "Output": the examples are labels, the first is the string 'cat'; classes are integers from 0
      try: [["cat", "dog"].index(label) for label in labels]
    """
    if len(column) == 0 or not _is_label(column[0]):
        return
    labels = column.tolist() if isinstance(column, np.ndarray) else column
    fix = None
    if all(isinstance(label, str) for label in labels):
        classes = sorted(set(labels))
        few = len(classes) <= SHOWN
        named = "[" + ", ".join(f'"{label}"' for label in classes) + "]"
        fix = f"[{named}.index(label) for label in labels]" if few else "classes = sorted(set(labels)); [classes.index(a) for a in labels]"
    raise NetTypeError(f"{where}: the examples are labels, the first is {sort_of(labels[0])}; classes are integers from 0", fix=fix)


def _is_label(entry: Any) -> bool:
    if isinstance(entry, tuple):
        return any(_is_label(part) for part in entry)
    return isinstance(entry, (str, bytes, Enum)) and not isinstance(entry, (int, float))
