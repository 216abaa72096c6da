"""The size of one axis: a known number, a varying length, or a length derived from a varying one."""

from typing import NamedTuple


class Affine(NamedTuple):
    """The length n -> floor((multiply * n + add) / divide), the form of every derived length (rest, append, convolution, pooling).

    >>> Affine(1, -2, 1)(10)
    8
    >>> Affine(1, 1, 2).after(Affine(1, -2, 1))
    Affine(multiply=1, add=-1, divide=2)
    """

    multiply: int = 1
    add: int = 0
    divide: int = 1

    def __call__(self, n):
        return (self.multiply * n + self.add) // self.divide

    def after(self, inner: "Affine") -> "Affine | None":
        """This applied to the result of `inner`, as one form, or None where the two floors do not merge."""
        if inner.divide == 1:
            return Affine(self.multiply * inner.multiply, self.multiply * inner.add + self.add, self.divide)
        if self.multiply == 1:
            return Affine(inner.multiply, inner.add + self.add * inner.divide, inner.divide * self.divide)
        return None

    def show(self, name: str) -> str:
        """The form as text, for messages."""
        text = name if self.multiply == 1 else f"{self.multiply}*{name}"
        if self.add:
            text += f" {'+' if self.add > 0 else '-'} {abs(self.add)}"
        return text if self.divide == 1 else f"({text}) // {self.divide}"


class Varying:
    """A length that differs from example to example.

    A primary one (`base` is None) stands for itself: each is a variable of the net. A derived one applies `steps`, forms that do not
    merge into one, in turn to the length at `base`, a size of the store.
    """

    __slots__ = ("base", "steps")

    def __init__(self, base=None, steps: tuple[Affine, ...] = ()):
        self.base = base
        self.steps = steps

    def derive(self, node, form: Affine) -> "Varying":
        """The length that `form` makes of this one, which lives at the store's size `node`."""
        if self.base is None:
            return Varying(node, (form,))
        merged = form.after(self.steps[-1])
        return Varying(self.base, (*self.steps, form) if merged is None else (*self.steps[:-1], merged))

    def __repr__(self) -> str:
        name = "Varying"
        for step in self.steps:
            name = step.show(name)
        return name


class OpenSize:
    """A size that is not known yet, as it is shown: `?`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "?"


OPEN = OpenSize()
