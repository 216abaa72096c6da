"""What TrainingProgressReporting takes, and what its files hold."""

import csv
import doctest
import io
import json
import struct

import numpy as np
import pytest

from netgraph import All, LinearLayer, Scaled, errors, net_train
from netgraph.show import log_file, reporting, tensorboard
from netgraph.show.progress import ProgressLine
from netgraph.show.reporting import Report, Several, Silent, reporter
from netgraph.train.events import Observer, Progress
from netgraph.types.symbols import Automatic

X = [[float(i), 1.0] for i in range(10)]
Y = [2.0 * i for i in range(10)]


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


def at(batch: int, **more) -> Progress:
    return Progress(
        {
            "Round": batch // 10 + 1, "TotalRounds": 5, "AbsoluteBatch": batch, "BatchLoss": 1 / batch, "RoundLoss": None,
            "TimeElapsed": batch / 8, "TimeRemaining": (50 - batch) / 8, "ProgressFraction": batch / 50, "BatchesPerSecond": 8.0,
            "ExamplesPerSecond": 512.0, **more,
        }
    )  # fmt: skip


@pytest.mark.parametrize("module", [reporting, log_file, tensorboard])
def test_examples_run(module):
    assert doctest.testmod(module).failed == 0


def test_reporters():
    assert isinstance(reporter(None), Silent)
    assert isinstance(reporter(Automatic), ProgressLine) and isinstance(reporter("Panel"), ProgressLine)
    assert reporter("Panel", stream=Terminal()).interval == 0.33
    assert reporter(("Print", {"Interval": (10, "Seconds")}), stream=Terminal()).interval == 10.0
    called = reporter(lambda progress: "StopTraining" if progress.round == 2 else None)
    assert isinstance(called, Report)
    assert [called.batch(at(11)), called.round(at(1)), called.round(at(11))] == [None, None, "StopTraining"]


ACCEPTED = (
    'Automatic, None, "Panel", "Print", "ProgressIndicator", ("File", "log.csv"), ("TensorBoard", "folder"), a function of the progress'
)


@pytest.mark.parametrize(
    "spec, kind, words",
    [
        ("Pannel", errors.NetNameError, 'TrainingProgressReporting: there is no form "Pannel", did you mean "Panel"?'),
        (("File", 3), errors.NetTypeError, f"TrainingProgressReporting: ('File', 3) is not understood\n  try: {ACCEPTED}"),
        (3, errors.NetTypeError, f"TrainingProgressReporting: 3 is not understood\n  try: {ACCEPTED}"),
        (
            ("Print", {"Intervall": 1}),
            errors.NetNameError,
            """TrainingProgressReporting has no option "Intervall", did you mean "Interval" or "MinimumInterval"?""",
        ),
        (
            ("Print", {"Interval": "x"}),
            errors.NetTypeError,
            """TrainingProgressReporting: Interval is a number or (number, unit), got 'x'\n  try: {"Interval": (100, "Batches")}""",
        ),
        (("Print", {"Interval": 0.01}), errors.NetValueError, "TrainingProgressReporting: Interval is at least 0.05 s, got 0.01"),
        (("Print", {"Interval": 0}), errors.NetValueError, "TrainingProgressReporting: Interval is above 0, got 0"),
    ],
)
def test_what_is_no_report(spec, kind, words):
    with pytest.raises(kind) as caught:
        reporter(spec)
    assert str(caught.value) == words


def trained(reporting, **options):
    return net_train(
        LinearLayer(()), (X, Y), All, BatchSize=4, MaxTrainingRounds=3, Plan="Reference", TrainingProgressReporting=reporting, **options
    )


@pytest.mark.parametrize(("suffix", "separator"), [(".csv", ","), (".tsv", "\t")])
def test_a_table_has_a_row_a_round(tmp_path, suffix, separator):
    path = tmp_path / f"log{suffix}"
    result = trained(("File", path), ValidationSet=Scaled(0.2))
    rows = list(csv.DictReader(path.read_text().splitlines(), delimiter=separator))
    assert list(rows[0]) == ["Round", "AbsoluteBatch", "TimeElapsed", "LearningRate", "RoundLoss", "ValidationLoss"]
    assert [int(row["AbsoluteBatch"]) for row in rows] == result.round_positions
    assert [float(row["RoundLoss"]) for row in rows] == result.round_loss_list
    assert [float(row["ValidationLoss"]) for row in rows] == result.validation_loss_list


def test_json_and_intervals(tmp_path):
    result = trained([("File", tmp_path / "a.json"), ("File", str(tmp_path / "b.csv"), {"Interval": (2, "Batches")}), None])
    rows = json.loads((tmp_path / "a.json").read_text())
    assert [row["RoundLoss"] for row in rows] == result.round_loss_list and rows[0]["ValidationLoss"] is None
    assert [row["AbsoluteBatch"] for row in csv.DictReader((tmp_path / "b.csv").read_text().splitlines())] == ["2", "4", "6", "8"]


@pytest.mark.parametrize("name", ["log.csv", "log.json"])
def test_a_resumed_run_goes_on_with_its_file(tmp_path, name):
    place, log = tmp_path / "a.safetensors", tmp_path / name
    trained(("File", log), TrainingProgressCheckpointing=("File", place))
    net_train(
        LinearLayer(()), (X, Y), MaxTrainingRounds=5, BatchSize=4, Plan="Reference", TrainingProgressReporting=("File", log), Resume=place
    )
    rows = json.loads(log.read_text()) if name.endswith("json") else list(csv.DictReader(log.read_text().splitlines()))
    assert [int(row["Round"]) for row in rows] == [1, 2, 3, 4, 5]


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(errors.NetFileError) as caught:
        trained(("File", tmp_path / "no" / "log.csv"))
    assert str(caught.value) == f"TrainingProgressReporting: {tmp_path}/no/log.csv: cannot be written: No such file or directory"


def events(path):
    """What an event file holds: (step, numbers by tag), every checksum checked."""
    data, found = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        assert data[8:12] == tensorboard._masked(data[:8])
        content = data[12 : 12 + length]
        assert data[12 + length : 16 + length] == tensorboard._masked(content)
        data = data[16 + length :]
        found.append(fields(content))
    return found


def fields(content):
    """The fields of a protocol buffer by number."""
    stream, found = io.BytesIO(content), {}

    def varint():
        shift = number = 0
        while True:
            byte = stream.read(1)[0]
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7

    while stream.tell() < len(content):
        key = varint()
        value = {0: varint, 1: lambda: stream.read(8), 5: lambda: stream.read(4), 2: lambda: stream.read(varint())}[key & 7]()
        found.setdefault(key >> 3, []).append(value)
    return found


def test_tensorboard_files(tmp_path):
    result = trained(("TensorBoard", tmp_path / "runs"))
    (path,) = (tmp_path / "runs").iterdir()
    first, *rest = events(path)
    assert first[3] == [b"brain.Event:2"] and len(rest) == 3
    assert [event[2][0] for event in rest] == result.round_positions
    last = {}
    for value in fields(rest[-1][5][0])[1]:
        told = fields(value)
        last[told[1][0].decode()] = struct.unpack("<f", told[2][0])[0]
    assert last["RoundLoss"] == pytest.approx(result.round_loss, rel=1e-6) and last["LearningRate"] == pytest.approx(0.001)
    assert set(last) == {"Round", "TimeElapsed", "LearningRate", "RoundLoss"}


def test_tensorboard_tells_the_loss_of_batches_where_it_writes_by_batches(tmp_path):
    result = trained(("TensorBoard", tmp_path, {"Interval": (2, "Batches")}))
    (path,) = tmp_path.iterdir()
    found = {}
    for told in events(path)[1:]:
        for number in map(fields, fields(told[5][0])[1]):
            if number[1] == [b"BatchLoss"]:
                found[told[2][0]] = struct.unpack("<f", number[2][0])[0]
    wanted = dict(enumerate(result["BatchLossList"], 1))
    assert found and all(value == pytest.approx(wanted[step], rel=1e-6) for step, value in found.items())


@pytest.mark.parametrize("value, read", [(1e300, np.inf), (-1e39, -np.inf), (np.nan, np.nan), (-np.inf, -np.inf), (3.4e38, 3.4e38)])
def test_a_number_beyond_32_bits_is_infinite(value, read):
    (number,) = fields(fields(tensorboard.event(0.0, 1, {"Loss": value}))[5][0])[1]
    assert struct.unpack("<f", fields(number)[2][0])[0] == pytest.approx(read, rel=1e-6, nan_ok=True)


def test_several_and_ones_own():
    class Own(Observer):
        def __init__(self):
            self.rounds = 0

        def round(self, progress):
            self.rounds += 1
            return "StopTraining" if self.rounds == 2 else None

    own = Own()
    assert trained([own, ("Print", {"Interval": (1, "Rounds")})]).total_rounds == 2
    assert isinstance(reporter([None, "Print"]), Several) and reporter(own) is own


def test_print_by_rounds():
    stream = io.StringIO()
    shown = reporter(("Print", {"Interval": (2, "Rounds")}), stream=stream)
    shown.start(Progress({}))
    for number in (1, 2, 3, 4):
        moment = Progress({"Round": number, "AbsoluteBatch": 3 * number, "TimeElapsed": 0.0, "RoundLoss": 0.5})
        shown.batch(moment)
        shown.round(moment)
    assert [line.split()[2] for line in stream.getvalue().splitlines()] == ["2", "4"]
