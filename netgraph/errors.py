"""Every error that netgraph raises on purpose.

    NetError                 whatever is wrong with a net, its data or its file
    |- NetValueError         a value that does not fit (also a ValueError)
    |  `- NetShapeError      sizes or shapes that contradict each other
    |- NetTypeError          the wrong sort of thing (also a TypeError)
    |- NetNameError          a name that does not exist (also a LookupError)
    |- NetFileError          a file that cannot be trusted or read (also a ValueError)
    `- NetTrainingError      training that cannot start or go on (also a RuntimeError)

A message has one form everywhere: a headline that says where and what, one indented line a value that says where the value came from,
and, only when it is sure, what to write instead:

    2/Weights: the array has 3 columns, the input has 2 elements
      3: Weights=array of (4, 3)
      2: NetChain was given Input=2
      try: Weights of shape (4, 2)
"""

import difflib
from collections.abc import Iterable, Sequence

__all__ = ["NetError", "NetFileError", "NetNameError", "NetShapeError", "NetTrainingError", "NetTypeError", "NetValueError"]


class NetError(Exception):
    """Whatever is wrong with a net, its data or its file.

    `headline` is the first line, `origins` the pairs (value, where it came from), `fix` what to write instead, or None; `errors` are the
    independent errors that one message tells, this one alone unless there are several.

    >>> print(NetError("1/Input: axis 0 is 3 and 4", origins=[("3", "given Input=3"), ("4", "0 has size 4")], fix="Input=4"))
    1/Input: axis 0 is 3 and 4
      3: given Input=3
      4: 0 has size 4
      try: Input=4
    """

    def __init__(self, headline: str, *, origins: Iterable[tuple[object, str]] = (), fix: str | None = None):
        self.headline = headline
        self.origins = tuple((str(value), str(why)) for value, why in origins)
        self.fix = fix
        self.errors: tuple[NetError, ...] = (self,)
        super().__init__(headline)

    def at(self, where: str) -> "NetError":
        """The same error, told of a place: its headline begins with `where`."""
        return type(self)(f"{where}: {self.headline}", origins=self.origins, fix=self.fix)

    def __str__(self) -> str:
        lines = [self.headline, *(f"  {value}: {why}" for value, why in self.origins)]
        if self.fix is not None:
            lines.append(f"  try: {self.fix}")
        return "\n".join(lines)

    def __reduce__(self):
        return (_rebuild, (type(self), self.headline, self.origins, self.fix))


def _rebuild(kind, headline, origins, fix):
    return kind(headline, origins=origins, fix=fix)


class NetValueError(NetError, ValueError):
    """A value that does not fit where it was written."""


class NetShapeError(NetValueError):
    """Sizes or shapes that contradict each other."""


class NetTypeError(NetError, TypeError):
    """The wrong sort of thing: a string where a size is wanted, a list where a net is."""


class NetNameError(NetError, LookupError):
    """A name that does not exist; the message lists the nearest ones that do."""


class NetFileError(NetError, ValueError):
    """A file that is broken, of another kind, or asks for more than it may."""


class NetTrainingError(NetError, RuntimeError):
    """Training that cannot start or cannot go on; `result` is what was reached until then, or None."""

    def __init__(self, headline: str, *, origins: Iterable[tuple[object, str]] = (), fix: str | None = None, result=None):
        super().__init__(headline, origins=origins, fix=fix)
        self.result = result


def nearest(name: object, names: Iterable[object], most: int = 3) -> list[str]:
    """The names closest to `name`, best first; case counts little.

    >>> nearest("Imput", ["Input", "Output", "Target"])
    ['Input', 'Output']
    """
    known = {str(n).lower(): str(n) for n in names}
    return [known[match] for match in difflib.get_close_matches(str(name).lower(), list(known), n=most, cutoff=0.5)]


def did_you_mean(name: object, names: Sequence[object]) -> str:
    """The end of a headline about an unknown name: the nearest names, or all of them when none is near.

    >>> did_you_mean("Imput", ["Input", "Target"])
    'did you mean "Input"?'
    >>> did_you_mean("x", ["Input", "Target"])
    'known: "Input", "Target"'
    """
    names = list(names)
    close = nearest(name, names)
    if close:
        return "did you mean " + " or ".join(f'"{n}"' for n in close) + "?"
    if not names:
        return "there are none"
    shown = ", ".join(f'"{n}"' for n in names[:12])
    return f"known: {shown}" + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def join_errors(errors: Sequence[NetError]) -> NetError:
    """One error that shows several independent ones, most upstream first; its parts stay in `errors`."""
    if len(errors) == 1:
        return errors[0]
    joined = type(errors[0])("\n".join(str(e) for e in errors))
    joined.errors = tuple(errors)
    return joined
