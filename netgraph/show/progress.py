"""The live line of training: one line in a terminal, one panel in a notebook, a line now and then in a log."""

import html
import math
import shutil
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import TextIO

from netgraph.train.amounts import clock_time, counted, duration, loss_text, speed
from netgraph.train.events import Observer, Progress
from netgraph.train.interval import Due
from netgraph.train.result import StopReason

INTERVALS = {"Panel": 0.33, "Print": 2.0, "ProgressIndicator": 0.1, "Line": 0.1}
WIDEST = 100
TICKS, TICKS_ASCII = " ▁▂▃▄▅▆▇█", " .:-=+*%#"
EIGHTHS = " ▏▎▍▌▋▊▉█"


class Curve:
    """The course of a loss in a bounded number of points: when they are too many, neighbours are averaged.

    >>> curve = Curve(4)
    >>> for loss in [8, 7, 6, 5, 4, 3, 2, 1]: curve.add(loss)
    >>> curve.points
    [7.5, 5.5, 3.5, 1.5]
    """

    def __init__(self, most: int = 64):
        self.most, self.points = most, []
        self._stride, self._sum, self._count = 1, 0.0, 0

    def add(self, loss: float | None) -> None:
        """One more loss; what is not finite is left out."""
        if loss is None or not math.isfinite(loss):
            return
        if self._count == 0 and len(self.points) == self.most:
            self.points = [(a + b) / 2 for a, b in zip(self.points[::2], self.points[1::2], strict=True)]
            self._stride *= 2
        self._sum, self._count = self._sum + loss, self._count + 1
        if self._count == self._stride:
            self.points.append(self._sum / self._count)
            self._sum, self._count = 0.0, 0

    def heights(self, width: int) -> list[float]:
        """At most `width` numbers from 0 to 1, from the first loss to the last; logarithmic where the losses span a factor of ten."""
        values = self.points
        if len(values) > width:
            ends = [round(i * len(values) / width) for i in range(width + 1)]
            values = [sum(values[a:b]) / (b - a) for a, b in pairwise(ends)]
        if not values:
            return []
        if min(values) > 0 and max(values) / min(values) > 10:
            values = [math.log(value) for value in values]
        low, high = min(values), max(values)
        return [(value - low) / (high - low) if high > low else 0.5 for value in values]


def sparkline(heights: list[float], ticks: str = TICKS) -> str:
    """Heights from 0 to 1 as one line of blocks.

    >>> sparkline([1, 0.5, 0.25, 0])
    '█▅▃▁'
    """
    return "".join(ticks[1 + min(len(ticks) - 2, int(height * (len(ticks) - 1)))] for height in heights)


def bar(fraction: float, width: int, unicode: bool = True) -> str:
    """A bar filled to `fraction`.

    >>> bar(0.55, 10), bar(0.5, 4, unicode=False)
    ('█████▌····', '##--')
    """
    eighths = round(8 * width * min(1.0, max(0.0, fraction)))
    if not unicode:
        return "#" * (eighths // 8) + "-" * (width - eighths // 8)
    full, part = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[part] if part else "")).ljust(width, "·")


class ProgressLine(Observer):
    """Shows training as it runs: time, a bar, round, losses, speed and time left, next to a small curve of the loss.

    In a terminal one line is rewritten in place; in a notebook a panel; where the stream is neither (a file, a pipe) a plain line comes
    every two seconds, so logs stay readable. At the end stands a summary of one line.

    `form` is "Line" (this choice), "Panel", "Print" (plain lines everywhere) or "ProgressIndicator" (bar and times alone); `interval` is
    the least time between two drawings in seconds, `due` says instead when to draw; `stream` is where to write, standard error if it is
    not given.

    >>> import io
    >>> line = ProgressLine(stream=io.StringIO())
    >>> line.start(Progress({}))
    >>> line.close(Progress({"Round": 2, "AbsoluteBatch": 20, "TimeElapsed": 1.5, "RoundLoss": 0.25}), StopReason.ROUNDS_DONE)
    >>> print(line.stream.getvalue(), end="")
    All rounds were done: 2 rounds, 20 batches in 1.5 s, loss 0.250
    """

    def __init__(
        self,
        form: str = "Line",
        *,
        stream: TextIO | None = None,
        interval: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        display: Callable | None = None,
        due: Due | None = None,
    ):
        self.stream = sys.stderr if stream is None else stream
        self.form, self.clock, self.due = form, clock, due
        self.display = display if display is not None else _notebook_display() if stream is None else None
        terminal = getattr(self.stream, "isatty", lambda: False)()
        if form == "Print" or (self.display is None and not terminal):
            self._surface, usual = _Log(self.stream), INTERVALS["Print"]
        elif self.display is not None:
            self._surface, usual = _Notebook(self.display), INTERVALS["Panel"]
        else:
            self._surface, usual = _Terminal(self.stream), INTERVALS[form]
        self.interval = usual if interval is None else interval
        self.curve = Curve()
        self._next = math.inf

    called = "TrainingProgressReporting"

    def start(self, progress: Progress) -> None:
        if self.due is not None:
            self.due.start(progress)
            return
        first = self.interval if isinstance(self._surface, _Log) else min(self.interval, INTERVALS["Line"])
        self._next = self.clock() + first

    def batch(self, progress: Progress) -> None:
        if self.due is not None:
            if self.due.timing.interval.unit != "Rounds" and self.due.now(progress, ended=False):
                self._draw(progress)
            return
        # Called after every update: unless it is time to draw, one look at the clock is all it may cost.
        now = self.clock()
        if now >= self._next:
            self._draw(progress)
            self._next = now + self.interval

    def round(self, progress: Progress) -> None:
        if self.due is not None and self.due.timing.interval.unit == "Rounds" and self.due.now(progress, ended=True):
            self._draw(progress)

    def _draw(self, progress: Progress) -> None:
        self.curve.add(progress.get("BatchLoss"))
        self._surface.draw(State(progress), self.curve, self.form)

    def close(self, progress: Progress, reason: StopReason | None) -> None:
        self._next = math.inf
        self._surface.end(summary_line(progress, reason), State(progress), self.curve, self.form)


class State:
    """What a line shows of the progress: the amounts as text, looked up once."""

    def __init__(self, progress: Progress):
        self.fraction = progress.get("ProgressFraction")
        self.elapsed = clock_time(progress.get("TimeElapsed"))
        left = progress.get("TimeRemaining")
        self.left = "" if left is None else f"{clock_time(left)} left"
        number, total = progress.get("Round"), progress.get("TotalRounds")
        self.round = "" if number is None else f"round {number:,}" + (f"/{total:,}" if total is not None else "")
        loss = progress.get("BatchLoss") if progress.get("BatchLoss") is not None else progress.get("RoundLoss")
        self.loss = "" if loss is None else f"loss {loss_text(loss)}"
        checked = progress.get("ValidationLoss")
        self.checked = "" if checked is None else f"val {loss_text(checked)}"
        batches, examples = progress.get("BatchesPerSecond"), progress.get("ExamplesPerSecond")
        self.batches = "" if batches is None else f"{speed(batches)} batch/s"
        self.examples = "" if examples is None else f"{speed(examples)} ex/s"


def line(state: State, curve: Curve, width: int, *, form: str = "Line", unicode: bool = True) -> str:
    """The state as one line of at most `width` characters: what matters least goes first where space is short."""
    bar_width = 0 if state.fraction is None else 5
    wanted = [("elapsed", 0), ("bar", 0), ("left", 4)]
    if form != "ProgressIndicator":
        wanted = [
            ("elapsed", 1),
            ("bar", 5),
            ("round", 3),
            ("loss", 0),
            ("curve", 6),
            ("checked", 2),
            ("batches", 7),
            ("examples", 8),
            ("left", 4),
        ]
    texts = {name: getattr(state, name, "") for name, _ in wanted}
    lengths = {name: len(text) for name, text in texts.items()}
    lengths["bar"], lengths["curve"] = bar_width, 5 if curve.points else 0
    parts = {name: rank for name, rank in wanted if lengths.get(name)}

    def used() -> int:
        return sum(lengths[name] for name in parts) + len(parts) - 1

    if "batches" in parts and used() > width:
        texts["batches"] = texts["batches"].replace("batch/s", "b/s")
        lengths["batches"] = len(texts["batches"])
    while len(parts) > 1 and used() > width:
        parts.pop(max(parts, key=lambda name: parts[name]))
    spare = max(0, width - used())
    most = {"bar": 40 if form == "ProgressIndicator" else 12, "curve": 16}
    flexible = [name for name in ("bar", "curve") if name in parts]
    for place, name in enumerate(flexible):
        extra = min(most[name] - lengths[name], spare // (len(flexible) - place))
        lengths[name], spare = lengths[name] + extra, spare - extra
    if "bar" in parts and state.fraction is not None:
        texts["bar"] = bar(state.fraction, lengths["bar"], unicode)
    if "curve" in parts:
        texts["curve"] = sparkline(curve.heights(lengths["curve"]), TICKS if unicode else TICKS_ASCII)
    return " ".join(texts[name] for name in parts)[:width]


def summary_line(progress: Progress, reason: StopReason | None) -> str:
    """What was done, in one line; empty when an exception ended training."""
    if reason is None:
        return ""
    done = []
    if progress.get("Round") is not None:
        done.append(counted(progress["Round"], "round"))
    batches = progress.get("AbsoluteBatch")
    if batches is not None:
        done.append(counted(batches, "batch"))
    if progress.get("TimeElapsed") is not None and done:
        done[-1] += f" in {duration(progress['TimeElapsed'])}"
    loss = progress.get("RoundLoss") if progress.get("RoundLoss") is not None else progress.get("BatchLoss")
    if loss is not None:
        done.append(f"loss {loss_text(loss)}")
    if progress.get("ValidationLoss") is not None:
        done.append(f"validation {loss_text(progress['ValidationLoss'])}")
    return f"{reason.clause}: {', '.join(done)}" if done else str(reason)


class _Terminal:
    """One line, rewritten in place."""

    def __init__(self, stream: TextIO):
        self.stream, self._shown = stream, 0
        self.unicode = _can_write(stream, TICKS + EIGHTHS + "·")

    def draw(self, state: State, curve: Curve, form: str) -> None:
        # The last column stays free: some terminals wrap as soon as it is written.
        width = min(shutil.get_terminal_size((80, 24)).columns, WIDEST) - 1
        text = line(state, curve, width, form=form, unicode=self.unicode)
        self.stream.write("\r" + text.ljust(self._shown))
        self.stream.flush()
        self._shown = len(text)

    def end(self, summary: str, state: State, curve: Curve, form: str) -> None:
        if self._shown or summary:
            self.draw(state, curve, form)
            self.stream.write("\n" + (f"{summary}\n" if summary else ""))
            self.stream.flush()


class _Log:
    """A plain line now and then."""

    def __init__(self, stream: TextIO):
        self.stream = stream

    def draw(self, state: State, curve: Curve, form: str) -> None:
        parts = (state.elapsed, state.round, state.loss, state.checked, state.batches, state.examples, state.left)
        self.stream.write("  ".join(part for part in parts if part) + "\n")
        self.stream.flush()

    def end(self, summary: str, state: State, curve: Curve, form: str) -> None:
        if summary:
            self.stream.write(f"{summary}\n")
            self.stream.flush()


class _Notebook:
    """A panel that is updated in place: a bar, the amounts, and a curve of the loss."""

    def __init__(self, display: Callable):
        self._display, self._handle = display, None

    def show(self, text: str) -> None:
        panel = _Html(text)
        if self._handle is None:
            self._handle = self._display(panel, display_id=True)
        else:
            self._handle.update(panel)

    def draw(self, state: State, curve: Curve, form: str) -> None:
        self.show(panel(state, curve, form))

    def end(self, summary: str, state: State, curve: Curve, form: str) -> None:
        self.show(panel(state, curve, form, html.escape(summary)))


class _Html:
    def __init__(self, text: str):
        self.text = text

    def _repr_html_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return "training progress"


def panel(state: State, curve: Curve, form: str = "Panel", closing: str = "") -> str:
    """The state as HTML for a notebook; `closing` is the line at the end of training."""
    cells = [state.elapsed, "" if closing else state.left]
    if form != "ProgressIndicator":
        cells[1:1] = [state.round, state.loss, state.checked, state.batches, state.examples]
    text = closing or " &nbsp; ".join(html.escape(cell) for cell in cells if cell)
    shown = ""
    if state.fraction is not None and not closing:
        shown = f'<progress value="{state.fraction:.4f}" max="1" style="width:12em;vertical-align:middle"></progress> &nbsp; '
    heights = curve.heights(64) if form != "ProgressIndicator" else []
    drawn = ""
    if len(heights) > 1:
        points = " ".join(f"{2 + 156 * i / (len(heights) - 1):.1f},{30 - 28 * height:.1f}" for i, height in enumerate(heights))
        drawn = (
            '<svg width="160" height="32" style="vertical-align:middle"><polyline fill="none" stroke="#1f4e8c" stroke-width="1.5" '
            f'points="{points}"/></svg> &nbsp; '
        )
    return f'<div style="font-family:monospace;font-size:90%">{shown}{drawn}{text}</div>'


def _can_write(stream: TextIO, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _notebook_display() -> Callable | None:
    """IPython's display function inside a notebook, else None. IPython is there already if this is one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if type(shell).__name__ not in ("ZMQInteractiveShell", "Shell"):
        return None
    from IPython.display import display

    return display
