"""NetGANOperator: a generator and a discriminator that learn against each other."""

from typing import Any

import torch.nn.functional as F

from netgraph.layers.elementwise import ElementwiseLayer
from netgraph.nets.container import Container, input_names, one_port, output_names
from netgraph.nets.operator import InnerNet, PairOperator
from netgraph.spec.net import Net
from netgraph.spec.parameters import parameter, wants
from netgraph.spec.symbols import LogisticSigmoid
from netgraph.spec.typing import Term
from netgraph.types.store import KindNode
from netgraph.types.symbols import Automatic

__all__ = ["NetGANOperator"]

_FLOOR = 1e-30
"""The least probability that a logarithm is taken of."""


def _loss(value):
    if value is not Automatic and value not in ("JensenShannon", "Wasserstein"):
        raise wants('"JensenShannon", "Wasserstein" or Automatic', value)
    return value


LossSpec: Any = parameter(_loss, {"enum": ["JensenShannon", "Wasserstein", {"$word": "Automatic"}]})


class NetGANOperator(PairOperator):
    """A generator that makes samples and a discriminator that tells them from real ones, trained against each other.

        generated = generator(latent)
        "JensenShannon":  LossReal = -log D(sample),  LossFake = -log(1 - D(generated))
        "Wasserstein":    LossReal = -D(sample),      LossFake = D(generated)

    NetGANOperator([generator, discriminator], Loss). "Sample" is a real example, "Latent" what the generator makes one from; the one
    discriminator scores both, with a number (or a vector of one): for "JensenShannon" a probability that the example is real (logits are
    used where it ends in LogisticSigmoid, so a sure discriminator still learns), for "Wasserstein" any number. Automatic is "JensenShannon"
    for a discriminator that ends in LogisticSigmoid, else "Wasserstein". Training minimises LossReal + LossFake; the gradient that comes
    back to the generator through the discriminator is negated, so the generator maximises LossFake while the discriminator minimises it.
    What is asked of "GeneratedFake" itself has its ordinary gradient. `net_extract(op, "Generator")` and "Discriminator" are the nets.
    Errors: a net with several inputs or outputs; a discriminator that gives no single number; a generator whose output does not fit.
    Source: Wolfram's NetGANOperator.

    >>> gan = NetGANOperator([lambda x: x, LogisticSigmoid], Latent=())
    >>> losses = gan({"Sample": 1.386294, "Latent": -0.847298})
    >>> round(losses["LossReal"], 4), round(losses["LossFake"], 4)
    (0.2231, 0.3567)
    """

    positional = ("Generator", "Discriminator", "Loss")
    Generator: InnerNet
    Discriminator: InnerNet
    Loss: LossSpec = Automatic
    varying = "free"

    @classmethod
    def port_words(cls, schema):
        return ("Sample", "Latent", "LossReal", "LossFake", "GeneratedFake")

    def check(self):
        for name, net in self.children.items():
            one_port(input_names(net), "input", f"NetGANOperator: {name}", net)
            one_port(output_names(net), "output", f"NetGANOperator: {name}", net)

    @property
    def input_count(self) -> int | None:
        return 2

    def input_ports(self):
        return ("Sample", "Latent")

    def output_ports(self):
        return ("LossReal", "LossFake", "GeneratedFake")

    @property
    def form(self) -> str:
        """The loss, chosen where it is Automatic."""
        if self.Loss is not Automatic:
            return self.Loss
        last = last_layer(self.Discriminator)
        return "JensenShannon" if isinstance(last, ElementwiseLayer) and last.Function == LogisticSigmoid else "Wasserstein"

    def declare(self, scope):
        store, terms = scope.store, scope.terms
        (latent,), (made,) = scope.children["Generator"].inputs.values(), scope.children["Generator"].outputs.values()
        (taken,), (score,) = scope.children["Discriminator"].inputs.values(), scope.children["Discriminator"].outputs.values()
        names = (*scope.children["Generator"].outputs, *scope.children["Discriminator"].inputs, *scope.children["Discriminator"].outputs)
        scope.link(made, taken, f"{scope.label('Generator', names[0])} -> {scope.label('Discriminator', names[1])}")
        where = f"{scope.label('Discriminator', names[2])}, which is one number"

        def fire() -> bool:
            axes = store.axes(score.run)
            if axes is not None and len(axes) == 1:
                store.equate_sizes(axes[0], store.size(1, scope.origin()), where, "its length")
            elif axes:
                store.equate_runs(score.run, store.run([], scope.origin()), where)
            return axes is not None

        store.rule([score.run], fire)
        terms.inputs = {"Sample": taken, "Latent": latent}
        losses = {name: Term(KindNode("real", scope.origin()), store.run([], scope.origin())) for name in ("LossReal", "LossFake")}
        terms.outputs = {**losses, "GeneratedFake": made}

    def assume(self, scope):
        """A discriminator that leaves it open gives a number."""
        (score,) = scope.children["Discriminator"].outputs.values()
        if scope.store.axes(score.run) is None:
            scope.store.equate_runs(score.run, scope.store.run([], scope.origin()), scope.where)

    def unfold(self, plan, path, inputs):
        generator, discriminator = (*path, "Generator"), (*path, "Discriminator")
        (made,) = plan.inside(generator, self.Generator, {input_names(self.Generator)[0]: inputs["Latent"]}).values()

        def scored(value: int) -> int:
            (score,) = plan.inside(discriminator, self.Discriminator, {input_names(self.Discriminator)[0]: value}).values()
            return score

        loss = {"JensenShannon": _JensenShannon, "Wasserstein": _Wasserstein}[self.form]
        (score,) = plan.typing.terms[discriminator].outputs.values()
        vector = bool(plan.typing.store.axes(score.run))

        def judged(real: bool, value: int) -> int:
            found = plan.apply(path, loss(real), scored(value))
            return plan.apply(path, _Number(), found) if vector else found

        real = judged(True, inputs["Sample"])
        fake = judged(False, plan.apply(path, _Against(), made))
        return {"LossReal": real, "LossFake": fake, "GeneratedFake": made}


def last_layer(net: Net) -> Net | None:
    """The layer that gives the only output of a net, through its nesting; None where an input does."""
    while isinstance(net, Container):
        ((path, _),) = net.output_sources.values()
        if not path:
            return None
        for name in path:
            net = net.children[name]
    return net


class _Against:
    """The array as it is, with its gradient negated."""

    def __call__(self, x):
        # exact: 2 x is, and so is its difference with x
        return 2 * x.detach() - x

    def __repr__(self) -> str:
        return "the gradient negated"


class _Number:
    """The number that a vector of one holds."""

    def __call__(self, x):
        return x[:, 0]

    def __repr__(self) -> str:
        return "the number in a vector of one"


class _JensenShannon:
    """-log p of a real example, -log(1 - p) of a generated one."""

    logits_of = "sigmoid"

    def __init__(self, real: bool):
        self.real = real

    def __call__(self, p):
        return -(p if self.real else 1 - p).clamp_min(_FLOOR).log()

    def forward_logits(self, x):
        """The loss of the logistic sigmoid of `x`."""
        return F.softplus(-x if self.real else x)

    def __repr__(self) -> str:
        return f"the loss of {'a real' if self.real else 'a generated'} example"


class _Wasserstein:
    """Minus the score of a real example, the score of a generated one."""

    def __init__(self, real: bool):
        self.real = real

    def __call__(self, score):
        return -score if self.real else score

    def __repr__(self) -> str:
        return f"the loss of {'a real' if self.real else 'a generated'} example"
