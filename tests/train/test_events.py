"""Progress and Observer: names in both spellings, values looked up once and only when asked for."""

import doctest
from functools import partial

import pytest

from netgraph.errors import NetNameError
from netgraph.train import events
from netgraph.train.events import NAMES, Observer, Progress
from netgraph.train.result import StopReason


def test_examples_run():
    assert doctest.testmod(events).failed == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_two_spellings(name):
    progress = Progress({name: 7})
    (python,) = [word for word, full in Progress.snakes.items() if full == name]
    assert [progress[name], progress[python], getattr(progress, name), getattr(progress, python), progress.get(python)] == [7] * 5
    assert name in progress and python in progress


def test_values_are_made_once_and_only_when_looked_at():
    made = []

    def loss():
        made.append("loss")
        return 0.5

    progress = Progress({"Round": 1, "RoundLoss": loss, "ValidationLoss": partial(made.append, "never"), "BatchLossList": [].copy})
    assert repr(progress) == "Progress(Round=1, RoundLoss=..., ValidationLoss=..., BatchLossList=...)"
    assert "RoundLoss" in progress and list(progress) == ["Round", "RoundLoss", "ValidationLoss", "BatchLossList"] and made == []
    assert progress.round_loss == progress["RoundLoss"] == 0.5 and made == ["loss"]
    assert repr(progress) == "Progress(Round=1, RoundLoss=0.5, ValidationLoss=..., BatchLossList=...)"
    assert progress.batch_loss_list == []


def test_a_net_is_a_value_though_it_can_be_called():
    class Callable:
        def __call__(self):
            raise AssertionError("called")

    net = Callable()
    assert Progress({"Net": net}).net is net
    assert Progress({"OptimizationMethod": Callable}).optimization_method is Callable


def test_unknown_names():
    progress = Progress({"Round": 1, "RoundLoss": 0.5})
    with pytest.raises(NetNameError) as caught:
        progress["Rond"]
    assert str(caught.value) == """the progress of training has no 'Rond', did you mean "Round" or "RoundLoss"?"""
    assert progress.get("ValidationLoss") is None and progress.get("Epoch", 3) == 3
    assert not hasattr(progress, "epoch") and "Epoch" not in progress and 5 not in progress


def test_it_cannot_be_changed():
    with pytest.raises(AttributeError, match=r"^the progress of training cannot be changed: round is read only$"):
        Progress({"Round": 1}).round = 2


def test_as_a_mapping():
    assert dict(Progress({"Round": lambda: 2, "RoundLoss": 0.5})) == {"Round": 2, "RoundLoss": 0.5}
    assert dict(Progress({"Round": lambda: 2}).items()) == {"Round": 2}


def test_an_observer_does_nothing_by_itself():
    class Nothing(Observer):
        pass

    observer, progress = Nothing(), Progress({})
    assert isinstance(observer, Observer)
    assert [observer.start(progress), observer.batch(progress), observer.round(progress)] == [None] * 3
    assert observer.close(progress, StopReason.ROUNDS_DONE) is None
