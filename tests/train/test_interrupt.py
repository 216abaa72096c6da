"""An interrupt that the caller handles is handled: the process goes on and ends as it would have; one that nobody handles ends it."""

import pathlib
import signal
import subprocess
import sys
import textwrap

import pytest

# an interrupt inside an exec of a text, which is where a compiler may be struck
COMPILING = """
import netgraph.train.trace
from netgraph import *
from netgraph.train.plan import Plan

def struck(*args):
    exec("raise KeyboardInterrupt")

netgraph.train.trace.compile_step = struck

def call():
    net_train(LinearLayer(1, Input=1), ([[1.0], [2.0]], [[1.0], [2.0]]), Plan=Plan("compiled"), TrainingProgressReporting=None)
"""
READING = """
from netgraph import *

def data(info):
    exec("raise KeyboardInterrupt")

def call():
    net_train(LinearLayer(1, Input=1), data, MaxTrainingRounds=1, TrainingProgressReporting=None)
"""
STARTING = f"""
import runpy
import netgraph.train.trace
from netgraph.train.method import parse_method
from netgraph.train.plan import Plan
from netgraph.train.step import make_step

def struck(*args):
    exec("raise KeyboardInterrupt")

netgraph.train.trace.trace_gradients = struck
nets = runpy.run_path({str(pathlib.Path(__file__).with_name("lowered_nets.py"))!r})
net = nets["PAIRS"]

def call():
    step = make_step(net[0], parse_method(), 4)
    Plan("traced").start(step, *nets["arrays_of"](net), nets["batch_of"](net, 10, 0))
"""


def ended(code: str, handled: str) -> subprocess.CompletedProcess:
    code = f"{code}\n{textwrap.dedent(handled)}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("code", [COMPILING, READING, STARTING], ids=["compiling", "reading", "starting"])
def test_an_interrupt_that_is_handled_does_not_end_the_process(code):
    handled = """
        try:
            call()
        except KeyboardInterrupt:
            print("handled")
    """
    process = ended(code, handled)
    assert (process.returncode, process.stdout, process.stderr) == (0, "handled\n", "")


def test_an_interrupt_that_nobody_handles_ends_the_process_by_its_signal():
    process = ended(READING, "call()")
    assert process.returncode == -signal.SIGINT and process.stderr.endswith("KeyboardInterrupt\n")
