"""What the live line writes: whole screens, with a clock of our own."""

import doctest
import io
import math

import pytest

from netgraph.show import progress as module
from netgraph.show.progress import Curve, ProgressLine, State, line
from netgraph.train.events import Progress
from netgraph.train.result import StopReason


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True

    def screen(self) -> list[str]:
        """The lines as a terminal shows them after all that was written."""
        lines = []
        for text in self.getvalue().split("\n"):
            shown = ""
            for part in text.split("\r"):
                shown = part + shown[len(part) :]
            lines.append(shown.rstrip())
        return lines


class AsciiTerminal(Terminal):
    encoding = "ascii"


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def at(batch: int, **more) -> Progress:
    return Progress(
        {
            "Round": batch // 10 + 1, "TotalRounds": 5, "AbsoluteBatch": batch, "BatchLoss": 1 / batch, "RoundLoss": None,
            "TimeElapsed": batch / 8, "TimeRemaining": (50 - batch) / 8, "ProgressFraction": batch / 50, "BatchesPerSecond": 8.0,
            "ExamplesPerSecond": 512.0, **more,
        }
    )  # fmt: skip


def run(observer, clock, batches, step=0.125, reason=StopReason.ROUNDS_DONE, **more):
    observer.start(at(1, **more))
    for batch in batches:
        clock.now += step
        observer.batch(at(batch, **more))
    observer.close(at(batches[-1], **more), reason)


def test_examples_run():
    assert doctest.testmod(module).failed == 0


def test_a_terminal_shows_one_line_rewritten():
    stream, clock = Terminal(), Clock()
    run(ProgressLine(stream=stream, clock=clock), clock, range(1, 26), ValidationLoss=0.05)
    assert stream.getvalue().count("\n") == 2
    assert 20 < stream.getvalue().count("\r") < 28
    assert stream.screen() == [
        "0:03 ██▌·· round 3/5 loss 0.0400 █▅▃▂▁▁ val 0.0500 8 batch/s 512 ex/s 0:03 left",
        "All rounds were done: 3 rounds, 25 batches in 3.1 s, loss 0.0400, validation 0.0500",
        "",
    ]
    assert all(len(drawn) < 80 for drawn in stream.getvalue().split("\n")[0].split("\r"))


def test_a_terminal_without_unicode_gets_ascii():
    stream, clock = AsciiTerminal(), Clock()
    run(ProgressLine(stream=stream, clock=clock), clock, range(1, 21))
    assert stream.getvalue().isascii()
    assert "####" in stream.screen()[0]


def test_a_log_gets_plain_lines():
    stream, clock = io.StringIO(), Clock()
    run(ProgressLine(stream=stream, clock=clock), clock, range(1, 46), reason=StopReason.INTERRUPTED)
    assert stream.getvalue() == (
        "0:02  round 2/5  loss 0.0625  8 batch/s  512 ex/s  0:04 left\n"
        "0:04  round 4/5  loss 0.0312  8 batch/s  512 ex/s  0:02 left\n"
        "Training was interrupted: 5 rounds, 45 batches in 5.6 s, loss 0.0222\n"
    )


def test_print_is_plain_in_a_terminal_too():
    stream, clock = Terminal(), Clock()
    run(ProgressLine("Print", stream=stream, clock=clock), clock, range(1, 22))
    assert stream.getvalue() == (
        "0:02  round 2/5  loss 0.0625  8 batch/s  512 ex/s  0:04 left\n"
        "All rounds were done: 3 rounds, 21 batches in 2.6 s, loss 0.0476\n"
    )  # fmt: skip


def test_the_indicator_is_a_bar_alone():
    stream, clock = Terminal(), Clock()
    run(ProgressLine("ProgressIndicator", stream=stream, clock=clock), clock, range(1, 26))
    assert stream.screen()[0] == "0:03 " + "█" * 20 + "·" * 20 + " 0:03 left"


def test_nothing_is_looked_at_until_it_is_time():
    class Untouchable:
        def __getattr__(self, name):
            raise AssertionError(name)

    stream, clock = Terminal(), Clock()
    observer = ProgressLine(stream=stream, clock=clock)
    observer.start(at(1))
    clock.now += 0.09
    observer.batch(Untouchable())
    assert stream.getvalue() == ""
    clock.now += 0.02
    observer.batch(at(1))
    clock.now += 0.09
    observer.batch(Untouchable())
    assert stream.getvalue().count("\r") == 1


def test_little_may_be_known():
    stream, clock = Terminal(), Clock()
    observer = ProgressLine(stream=stream, clock=clock)
    observer.start(Progress({}))
    clock.now += 1
    observer.batch(Progress({"TimeElapsed": 1.0, "TotalRounds": None, "Round": 1, "TimeRemaining": None, "BatchLoss": math.nan}))
    observer.close(Progress({}), StopReason.DIVERGED)
    assert stream.getvalue().startswith("\r0:01 round 1 loss nan\r")
    assert stream.screen()[1] == "The loss was no longer finite."


def test_an_exception_leaves_the_last_line():
    stream, clock = Terminal(), Clock()
    run(ProgressLine(stream=stream, clock=clock), clock, range(1, 4), reason=None)
    assert len(stream.screen()) == 2 and stream.screen()[1] == ""
    log = io.StringIO()
    run(ProgressLine(stream=log, clock=clock), clock, range(1, 4), reason=None)
    assert log.getvalue() == ""


def test_a_notebook_updates_one_panel():
    shown = []

    class Handle:
        def update(self, panel):
            shown.append(panel._repr_html_())

    def display(panel, display_id):
        shown.append(panel._repr_html_())
        return Handle()

    clock = Clock()
    run(ProgressLine(stream=io.StringIO(), clock=clock, display=display), clock, range(1, 11))
    assert len(shown) == 5
    assert shown[0] == (
        '<div style="font-family:monospace;font-size:90%">'
        '<progress value="0.0200" max="1" style="width:12em;vertical-align:middle"></progress> &nbsp; '
        "0:00 &nbsp; round 1/5 &nbsp; loss 1.00 &nbsp; 8 batch/s &nbsp; 512 ex/s &nbsp; 0:06 left</div>"
    )
    assert shown[-1].endswith("</svg> &nbsp; All rounds were done: 2 rounds, 10 batches in 1.2 s, loss 0.100</div>")


@pytest.mark.parametrize("width", range(1, 110))
def test_a_line_fits(width):
    curve = Curve()
    for step in range(50):
        curve.add(math.exp(-step / 9))
    long = State(at(25, Round=123456, TotalRounds=999999, ValidationLoss=1.234e-8, TimeRemaining=86399.0, ExamplesPerSecond=1.2e9))
    for form in ("Line", "ProgressIndicator"):
        assert len(line(long, curve, width, form=form)) <= width


def test_a_curve_stays_small_and_skips_what_is_not_finite():
    curve = Curve(8)
    for step in range(1000):
        curve.add(1000.0 - step)
    curve.add(math.nan)
    curve.add(None)
    assert 4 <= len(curve.points) <= 8 and curve.points == sorted(curve.points, reverse=True)
    assert curve.heights(4)[0] == 1.0 and curve.heights(4)[-1] == 0.0
    assert Curve().heights(5) == []
