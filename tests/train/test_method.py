"""The optimisers: against torch.optim, against NumPy, against the worked numbers; and how they are spelt."""

import numpy as np
import pytest
import torch

from netgraph.errors import NetNameError, NetTypeError, NetValueError
from netgraph.train.inplace import update_
from netgraph.train.method import ADAM, SGD, AdamW, Coefficients, Method, RMSProp, SignSGD, parse_method
from netgraph.train.schedule import Constant, Cosine, InTurn, OneCycle, WarmUp, parse_schedule

ALL = [ADAM(), AdamW(), RMSProp(), RMSProp(momentum=0.9), SGD(), SGD(momentum=None), SignSGD(), SignSGD(momentum=None)]
SHAPES = [(3, 4), (5,), (), (2, 3, 2, 2)]


def drawn(seed, shapes=SHAPES):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]


def pure_run(method, arrays, steps=5, rate=0.01, multipliers=None, coefficients=None):
    state = method.init(arrays)
    for t in range(1, steps + 1):
        arrays, state = method.update(arrays, drawn(t), state, t, rate, multipliers=multipliers, coefficients=coefficients)
    return arrays


def torch_run(make, steps=5):
    parameters = [torch.nn.Parameter(a) for a in drawn(0)]
    optimizer = make(parameters)
    for t in range(1, steps + 1):
        for parameter, grad in zip(parameters, drawn(t), strict=True):
            parameter.grad = grad
        optimizer.step()
    return [p.detach() for p in parameters]


@pytest.mark.parametrize(
    ("method", "rate", "expected"),
    [
        (SGD(), 0.1, [0.95, 0.8535, 0.713755]),
        (ADAM(), 0.001, [0.9990006321, 0.9980010792, 0.9970014444]),
        (RMSProp(), 0.001, [0.9955279, 0.9923254, 0.9896775]),
    ],
)
def test_worked_numbers(method, rate, expected):
    arrays, state = (torch.ones(1, dtype=torch.float64),), None
    state, found = method.init(arrays), []
    for t in range(1, 4):
        arrays, state = method.update(arrays, (torch.full((1,), 0.5, dtype=torch.float64),), state, t, rate)
        found.append(arrays[0].item())
    assert found == pytest.approx(expected, abs=6e-8 if method.name == "RMSProp" else 6e-11)


@pytest.mark.parametrize(
    ("method", "make"),
    [
        (SGD(), lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.93)),
        (SGD(momentum=None, l2_regularization=0.1), lambda p: torch.optim.SGD(p, lr=0.01, weight_decay=0.1)),
        (RMSProp(), lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.95, eps=1e-6)),
        (RMSProp(momentum=0.9), lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.95, eps=1e-6, momentum=0.9)),
        # with epsilon 0 its place does not matter
        (ADAM(epsilon=1e-300), lambda p: torch.optim.Adam(p, lr=0.01, eps=0.0)),
        (AdamW(epsilon=1e-300), lambda p: torch.optim.AdamW(p, lr=0.01, eps=0.0, weight_decay=0.01)),
    ],
)
def test_equals_torch(method, make):
    coefficients = method.coefficients(range(len(SHAPES)))
    for mine, theirs in zip(pure_run(method, drawn(0), coefficients=coefficients), torch_run(make), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)


def test_adam_equals_torch_with_its_epsilon_moved():
    parameter = torch.nn.Parameter(drawn(0)[0])
    optimizer = torch.optim.Adam([parameter], lr=0.01)
    for t in range(1, 6):
        optimizer.param_groups[0]["eps"] = 1e-5 / (1 - 0.999**t) ** 0.5
        parameter.grad = drawn(t)[0]
        optimizer.step()
    torch.testing.assert_close(pure_run(ADAM(), drawn(0))[0], parameter.detach(), rtol=1e-12, atol=1e-12)


def numpy_rule(method, w, g, slots, r, t):
    if method.name in ("ADAM", "AdamW"):
        m = method.beta1 * slots[0] + (1 - method.beta1) * g
        v = method.beta2 * slots[1] + (1 - method.beta2) * g**2
        w = w - r * (method.weight_decay or 0) * w
        return w - r * np.sqrt(1 - method.beta2**t) / (1 - method.beta1**t) * m / (np.sqrt(v) + method.epsilon), [m, v]
    if method.name == "RMSProp":
        n = method.beta * slots[0] + (1 - method.beta) * g**2
        step = r * g / (np.sqrt(n) + method.epsilon)
        if not method.momentum:
            return w - step, [n]
        m = method.momentum * slots[1] - step
        return w + m, [n, m]
    mu = method.momentum or 0
    if method.name == "SGD":
        m = mu * slots[0] - r * g if mu else -r * g
        return w + m, [m] if mu else []
    m = mu * slots[0] - (1 - mu) * g if mu else -g
    return w + r * np.sign(m), [m] if mu else []


@pytest.mark.parametrize("method", ALL, ids=repr)
def test_equals_numpy(method):
    w, slots = drawn(0)[0].numpy(), [np.zeros((3, 4)) for _ in range(method.slots)]
    for t in range(1, 6):
        w, slots = numpy_rule(method, w, drawn(t)[0].numpy(), slots, 0.01, t)
    np.testing.assert_allclose(pure_run(method, drawn(0))[0].numpy(), w, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("method", ALL, ids=repr)
@pytest.mark.parametrize("factors", [[1.0] * 4, [1.0, 0.5, -2.0, 3.0]], ids=["plain", "multipliers"])
def test_in_place_equals_pure(method, factors):
    coefficients = Coefficients((0.1, 0.0, 0.0, 0.2), (None, 0.5, None, 1.0), (None, None, 0.05, 0.9))
    for given in (None, coefficients):
        pure = pure_run(method, drawn(0), multipliers=factors, coefficients=given)
        arrays = drawn(0)
        state = list(method.init(arrays))
        for t in range(1, 6):
            update_(method, arrays, drawn(t), state, t, 0.01, factors, given)
        for mine, theirs in zip(arrays, pure, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)


def test_in_place_update_takes_gradients_of_another_layout():
    arrays, grads = [torch.ones(2, 3)], [torch.arange(6.0).reshape(3, 2).t()]
    expected = ADAM().update(arrays, grads, ADAM().init(arrays), 1, 0.1)[0][0]
    update_(ADAM(), arrays, grads, list(ADAM().init(arrays)), 1, 0.1, [1.0])
    torch.testing.assert_close(arrays[0], expected)


def test_clipping_by_norm_is_torchs():
    method = SGD(momentum=None, gradient_norm_clipping=0.5)
    grads = drawn(1)
    parameters = [torch.nn.Parameter(a) for a in drawn(0)]
    for parameter, grad in zip(parameters, grads, strict=True):
        parameter.grad = grad.clone()
    torch.nn.utils.clip_grad_norm_(parameters, 0.5)
    for mine, parameter in zip(method.prepared(drawn(0), grads, None), parameters, strict=True):
        torch.testing.assert_close(mine, parameter.grad)


def test_clipping_by_element_and_of_weights():
    method = parse_method(("SGD", {"Momentum": None, "GradientClipping": 0.1, "WeightClipping": {"b": 0.95}}))
    coefficients = method.coefficients(["a", "b"])
    arrays = [torch.ones(1), torch.ones(1)]
    new, _ = method.update(arrays, [torch.full((1,), 5.0), torch.full((1,), -5.0)], (), 1, 1.0, coefficients=coefficients)
    assert [a.item() for a in new] == pytest.approx([0.9, 0.95])


def test_the_first_matching_rule_wins():
    method = parse_method(("ADAM", {"L2Regularization": {"a": 1, "_": 2}}))
    assert method.coefficients(["a", "b"]).l2 == (1.0, 2.0)


def test_tensors_for_counter_and_rate():
    arrays, grads = drawn(0), drawn(1)
    plain = ADAM().update(arrays, grads, ADAM().init(arrays), 3, 0.1)[0]
    count, rate = torch.tensor(3), torch.tensor(0.1, dtype=torch.float64)
    tensors = ADAM().update(arrays, grads, ADAM().init(arrays), count, rate)[0]
    torch.testing.assert_close(tensors, plain, rtol=1e-6, atol=1e-7)


def test_spellings():
    assert parse_method() == parse_method("ADAM") == parse_method("Adam") == ADAM()
    assert parse_method(("ADAM", {"Beta1": 0.8, "epsilon": 1e-8})) == ADAM(beta1=0.8, epsilon=1e-8)
    assert parse_method(("SGD", {"Momentum": None})) == SGD(momentum=None)
    assert parse_method("AdamW").weight_decay == 0.01
    assert isinstance(hash(parse_method(("RMSProp", {"L2Regularization": {"a": 1}}))), int)
    assert parse_method(("ADAM", {"LearningRateSchedule": ("WarmUp", 5)})).suboptions() == {
        "LearningRate": None,
        "LearningRateSchedule": ("WarmUp", 5),
        "L2Regularization": None,
        "GradientClipping": None,
        "WeightClipping": None,
        "GradientNormClipping": None,
        "WeightDecay": None,
        "Beta1": 0.9,
        "Beta2": 0.999,
        "Epsilon": 1e-05,
    }


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("ADM", NetNameError, 'Method "ADM" is unknown: did you mean "ADAM" or "AdamW"?'),
        (("SGD", {"Momentun": 0.9}), NetNameError, 'Method "SGD" has no suboption "Momentun": did you mean "Momentum"?'),
        (("SGD", {"Momentum": 0.9, "momentum": 0.9}), NetValueError, 'Method "SGD": "Momentum" is given twice'),
        (("ADAM", {"Beta1": 1.0}), NetValueError, 'Method "ADAM": "Beta1" is 1.0, a number from 0 up to but not including 1 is wanted'),
        (("ADAM", {"Beta1": "x"}), NetTypeError, 'Method "ADAM": "Beta1" is \'x\', a number is wanted'),
        (("ADAM", {"GradientClipping": 0}), NetValueError, 'Method "ADAM": "GradientClipping" is 0, a finite number above 0 is wanted'),
        (("ADAM", 3), NetTypeError, 'Method "ADAM": the suboptions are 3\n  wanted: a dict of suboptions'),
        (3, NetTypeError, 'Method is 3\n  wanted: a name, or (name, {suboption: value}), such as ("SGD", {"Momentum": 0.9})'),
    ],
)
def test_wrong_methods(value, kind, message):
    with pytest.raises(kind) as caught:
        parse_method(value)
    assert str(caught.value) == message


def test_schedules():
    assert parse_schedule(None) == Constant()
    assert [WarmUp(4).factor(b, 10) for b in (1, 4, 9)] == [0.25, 1.0, 1.0]
    assert Cosine().factor(10, 10) == 0.0
    turns = parse_schedule([("WarmUp", 2), "Cosine"])
    assert turns == InTurn((WarmUp(2), Cosine()))
    assert [turns.factor(b, 12) for b in (1, 2, 7, 12)] == [0.5, 1.0, 0.5, 0.0]
    assert parse_schedule(lambda batch, total: batch / total).factor(1, 4) == 0.25


def test_one_cycle_is_torchs():
    parameter = torch.nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=50)
    for batch in range(1, 51):
        assert OneCycle().factor(batch, 50) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        if batch < 50:
            theirs.step()


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("Cosin", NetNameError, 'LearningRateSchedule "Cosin" is unknown: did you mean "Cosine"?'),
        (("WarmUp", 0), NetValueError, 'LearningRateSchedule ("WarmUp", n): n is 0, a number of updates from 1 is wanted'),
        (
            ["Cosine", ("WarmUp", 3)],
            NetValueError,
            "LearningRateSchedule: entry 0 of the list has no length of its own, so entry 1 would never start\n  Cosine: entry 0 of 2",
        ),
    ],
)
def test_wrong_schedules(value, kind, message):
    with pytest.raises(kind) as caught:
        parse_schedule(value)
    assert str(caught.value) == message


def test_cosine_needs_an_end():
    with pytest.raises(NetValueError, match="needs the number of updates"):
        Cosine().factor(1, None)


def test_the_abstract_method_is_no_method():
    with pytest.raises(TypeError, match="abstract"):
        _ = Method().slots
