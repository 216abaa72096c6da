"""NetGANOperator."""

import math

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.errors import NetError

IDENTITY = lambda x: x  # noqa: E731


def gan(loss=Automatic, *last):
    return net_initialize(NetGANOperator([[4, Tanh, 3], [5, Ramp, LinearLayer(()), *last]], loss, Sample=3, Latent=2))


def test_worked_example():
    data = {"Sample": 0.8, "Latent": 0.3}
    found = NetGANOperator([IDENTITY, IDENTITY], "JensenShannon", Latent=())(data)
    assert found["LossReal"] == pytest.approx(0.223144, abs=1e-6) and found["LossFake"] == pytest.approx(0.356675, abs=1e-6)
    assert NetGANOperator([IDENTITY, IDENTITY], Latent=())(data) == {"LossReal": -0.8, "LossFake": 0.3, "GeneratedFake": 0.3}


def test_the_loss_follows_the_discriminator():
    assert gan().form == "Wasserstein" and gan(Automatic, LogisticSigmoid).form == "JensenShannon"
    assert gan("Wasserstein", LogisticSigmoid).form == "Wasserstein" and gan("JensenShannon").form == "JensenShannon"
    assert NetGANOperator([IDENTITY, NetGraph([LogisticSigmoid], [])], Latent=()).form == "JensenShannon"
    assert NetGANOperator([IDENTITY, []], Latent=()).form == "Wasserstein"


@pytest.mark.parametrize("loss, last", [("Wasserstein", ()), ("JensenShannon", (LogisticSigmoid,))])
def test_losses_and_gradients(loss, last):
    net = gan(loss, *last)
    source = np.random.default_rng(0)
    sample, latent = source.normal(size=(6, 3)).astype(np.float32), source.normal(size=(6, 2)).astype(np.float32)
    found = net({"Sample": sample, "Latent": latent})
    fake = net["Generator"](latent)
    real_score, fake_score = net["Discriminator"](sample), net["Discriminator"](fake)
    expected = (-real_score, fake_score) if loss == "Wasserstein" else (-np.log(real_score), -np.log(1 - fake_score))
    assert np.allclose(found["GeneratedFake"], fake, atol=1e-6)
    assert np.allclose(found["LossReal"], expected[0], atol=1e-5) and np.allclose(found["LossFake"], expected[1], atol=1e-5)

    def gradients(module, *parts):
        losses = module(torch.from_numpy(sample), torch.from_numpy(latent))
        names = dict(module.named_parameters())
        return dict(zip(names, torch.autograd.grad(sum(losses[p].sum() for p in parts), names.values(), allow_unused=True), strict=True))

    both, fakes = gradients(net.to_torch(), "LossReal", "LossFake"), gradients(net.to_torch(), "LossFake")
    plain = NetChain([net["Generator"], net["Discriminator"]]).to_torch()
    score = plain(torch.from_numpy(latent))
    total = (score if loss == "Wasserstein" else -torch.log(1 - score)).sum()
    straight = dict(zip([n for n, _ in plain.named_parameters()], torch.autograd.grad(total, list(plain.parameters())), strict=True))
    for name, gradient in fakes.items():
        part, _, rest = name.partition(".")
        own = straight[f"{'0' if part == 'Generator' else '1'}.{rest}"]
        assert torch.allclose(gradient, -own if part == "Generator" else own, atol=1e-5)
        assert part == "Discriminator" or torch.allclose(both[name], gradient, atol=1e-6)


def test_a_sure_discriminator_still_learns():
    net = NetGANOperator([IDENTITY, LogisticSigmoid], Latent=())
    found = net({"Sample": -200.0, "Latent": 200.0})
    assert found["LossReal"] == 200 and found["LossFake"] == 200
    assert net({"Sample": -200.0, "Latent": 200.0, NetPortGradient("LossReal"): 1.0}, NetPortGradient("Sample")) == -1
    assert net({"Sample": -200.0, "Latent": 200.0, NetPortGradient("LossFake"): 1.0}, NetPortGradient("Latent")) == -1
    assert net({"Sample": 0.0, "Latent": 2.0, NetPortGradient("GeneratedFake"): 1.0}, NetPortGradient("Latent")) == 1
    other = NetGANOperator([IDENTITY, IDENTITY], "JensenShannon", Latent=())({"Sample": 0.0, "Latent": 1.0})
    assert math.isfinite(other["LossReal"]) and math.isfinite(other["LossFake"])


def test_as_a_value():
    net = gan(Automatic, LogisticSigmoid)
    assert net["Sample"] == (3,) and net["Latent"] == (2,) and net["GeneratedFake"] == (3,) and net["LossFake"] == ()
    assert sorted({key.split("/")[0] for key in net.arrays}) == ["Discriminator", "Generator"]
    assert net_from_json(net_to_json(net.structure)) == net.structure and eval(repr(net.structure)) == net.structure
    assert net_extract(net, "Generator")([0, 0]).shape == (3,)
    module = net.to_torch("Test")
    arguments = (torch.randn(4, 3), torch.randn(4, 2))
    exported = torch.export.export(module, arguments).module()
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    for found in (exported(*arguments), compiled(*arguments)):
        assert all(torch.allclose(found[name], value, atol=1e-6) for name, value in module(*arguments).items())


def test_sequences_in_a_padded_batch():
    score = NetChain([NetMapOperator([4, Tanh]), SequenceLastLayer(), LinearLayer(()), LogisticSigmoid])
    net = net_initialize(NetGANOperator([NetMapOperator(3), score], Sample=("Varying", 3), Latent=("Varying", 2)))
    source = np.random.default_rng(0)
    samples, latents = ([source.normal(size=(n, size)).astype(np.float32) for n in (1, 4, 2)] for size in (3, 2))
    together = net({"Sample": samples, "Latent": latents})
    for i, (sample, latent) in enumerate(zip(samples, latents, strict=True)):
        alone = net({"Sample": sample, "Latent": latent})
        for name, value in alone.items():
            assert np.allclose(together[name][i], value, atol=1e-6)
    both = net({"Sample": samples, "Latent": latents}, NetPortGradient("Discriminator/0/Net/0/Weights"))
    each = [
        net({"Sample": s, "Latent": z}, NetPortGradient("Discriminator/0/Net/0/Weights")) for s, z in zip(samples, latents, strict=True)
    ]
    assert np.allclose(both, sum(each), atol=1e-5)


def test_a_step_of_training():
    """The discriminator goes down LossReal + LossFake, the generator up LossFake."""
    net = gan(Automatic, LogisticSigmoid)
    source = np.random.default_rng(0)
    data = {"Sample": source.normal(size=(8, 3)).astype(np.float32), "Latent": source.normal(size=(8, 2)).astype(np.float32)}
    options = {"Method": ("SGD", {"Momentum": None}), "LearningRate": 0.5, "Plan": "Eager", "TrainingProgressReporting": None}
    trained = net_train(net, data, BatchSize=8, MaxTrainingRounds=1, **options)
    sample, latent = (torch.from_numpy(x) for x in data.values())
    generator, discriminator = net["Generator"].to_torch(), net["Discriminator"].to_torch()
    made = generator(latent)
    real, fake = -torch.log(discriminator(sample)).mean(), -torch.log(1 - discriminator(made)).mean()
    for part, module, loss, sign in (("Generator", generator, fake, 1), ("Discriminator", discriminator, real + fake, -1)):
        names, parameters = zip(*module.named_parameters(), strict=True)
        for name, before, gradient in zip(names, parameters, torch.autograd.grad(loss, parameters, retain_graph=True), strict=True):
            after = trained.arrays[f"{part}/{name.replace('.', '/')}"]
            assert np.allclose(after, (before + sign * 0.5 * gradient).detach(), atol=1e-6)


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: NetGANOperator(3), "NetGANOperator wants a list of two nets, [Generator, Discriminator], got 3"),
        (
            lambda: NetGANOperator([3, LinearLayer(())], "Hinge"),
            'NetGANOperator: Loss wants "JensenShannon", "Wasserstein" or Automatic, got \'Hinge\'',
        ),
        (
            lambda: NetGANOperator([3, 2], Latent=2),
            "Discriminator/Output, which is one number: its length is 2 on one side and 1 on the other\n"
            "  2: Discriminator is LinearLayer(2)\n  1: NetGANOperator([LinearLayer[0], LinearLayer[0]], Latent=2)",
        ),
        (
            lambda: NetGANOperator([[3], LinearLayer((), Input=4)], Latent=2),
            "Generator/Output -> Discriminator/Input: the length is 3 on one side and 4 on the other\n"
            "  3: Generator/0 is LinearLayer(3)\n  4: Discriminator was given Input=4",
        ),
        (
            lambda: NetGANOperator([MeanSquaredLossLayer(), Ramp]),
            'NetGANOperator: Generator, MeanSquaredLossLayer(), has 2 input ports ("Input", "Target") where exactly one is wanted',
        ),
    ],
)
def test_refused(build, text):
    with pytest.raises(NetError) as caught:
        build()
    assert str(caught.value) == text


def test_a_vector_of_one_is_a_number():
    nets = [NetChain([4, Tanh, 2], Input=3), NetChain([4, Tanh, 1, LogisticSigmoid], Input=2)]
    gan = net_initialize(NetGANOperator(nets))
    data = {"Sample": np.ones((5, 2)), "Latent": np.ones((5, 3))}
    losses = gan(data)
    assert losses["LossReal"].shape == losses["LossFake"].shape == (5,)
    fake = gan["Discriminator"](losses["GeneratedFake"])[:, 0]
    assert np.allclose(losses["LossFake"], -np.log(1 - fake), atol=1e-6)
    assert "log_sigmoid" in gan.to_torch().source or "softplus" in gan.to_torch().source
    with pytest.raises(NetShapeError):
        NetGANOperator([NetChain([4], Input=3), NetChain([(2, 2)], Input=4)])
