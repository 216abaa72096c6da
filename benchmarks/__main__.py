"""`python -m benchmarks [--quick] [--write docs/benchmarks.md] [row ...]`: one table of milliseconds a step.

Every contender runs in a process of its own; they are all started first and then measured in turn, a block each, for several
rounds, so that whatever else the machine does weighs on all alike. A figure is the median of its blocks.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys

from benchmarks.rows import ROWS

CONTENDERS = ("netgraph", "plan", "eager", "fused", "compiled", "channels-last", "jax")
BARS = {
    "spiral": (("eager", 0.57), ("jax", 0.8)),
    "mlp": (("eager", 0.6), ("jax", 1.0)),
    "lenet": (("eager", 0.65),),
    "attention": (("eager", 1.0),),
    "lstm": (("fused", 1.03),),
    "gru": (("fused", 1.03),),
    "fold": (("fused", 3.0),),
    "varying": (("fused", 1.03),),
}
WITHIN = 1.05


class Process:
    """A contender at work."""

    def __init__(self, row: str, name: str, seconds: float):
        self.name, self.blocks = name, []
        environment = dict(os.environ)
        if name == "channels-last":
            environment |= {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}
        command = [sys.executable, "-m", "benchmarks.worker", row, name, str(seconds)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        first = self._answer()
        self.note, self.ready = first["note"], first["ready"]

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"contender {self.name} ended with code {self._process.wait()}; its words are above")
        return json.loads(line)

    def block(self, seconds: float) -> None:
        """Measure one block."""
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        answer = self._answer()
        self.blocks.append(1e3 * answer["seconds"] / answer["steps"])

    def end(self) -> None:
        """Let the process end."""
        self._process.stdin.close()
        self._process.wait(30)


def contenders(row: str, asked: list[str]) -> list[str]:
    """Those that can run here; what is left out is said aloud."""
    out = []
    for name in asked:
        if (name == "channels-last" and row != "lenet") or (row == "varying" and name not in ("netgraph", "eager", "fused")):
            continue
        if name == "jax" and (importlib.util.find_spec("jax") is None or importlib.util.find_spec("optax") is None):
            print(f"{row}: jax is skipped, it is not installed: pip install jax optax", file=sys.stderr)
            continue
        if name == "netgraph":
            import netgraph

            if not hasattr(netgraph, "net_train"):
                print(f"{row}: netgraph is skipped, there is no net_train yet; the plan stands for it", file=sys.stderr)
                continue
        out.append(name)
    return out


def measure(row: str, names: list[str], goal: float, rounds: int, seconds: float) -> list[Process]:
    """All contenders of one row, measured in turn."""
    running = []
    try:
        for name in names:
            running.append(Process(row, name, goal))
        for _ in range(rounds):
            for process in running:
                process.block(seconds)
    finally:
        for process in running:
            process.end()
    return running


def table(results: dict[str, list[Process]]) -> str:
    """The table in Markdown, each row with its bars."""
    names = [n for n in CONTENDERS if any(p.name == n for running in results.values() for p in running)]
    lines = ["| ms a step | " + " | ".join(names) + " | bars |", "|---" * (len(names) + 2) + "|"]
    for row, running in results.items():
        middle = {p.name: statistics.median(p.blocks) for p in running}
        lines.append(f"| {row} | " + " | ".join(f"{middle[n]:.2f}" if n in middle else "" for n in names) + f" | {bars(row, middle)} |")
    return "\n".join(lines)


def bars(row: str, middle: dict[str, float]) -> str:
    """What the row promises, and whether it holds: netgraph's figure as a ratio to others."""
    us = "netgraph" if "netgraph" in middle else "plan"
    if us not in middle:
        return ""
    others = {n: v for n, v in middle.items() if n not in ("netgraph", "plan")}
    checks = [(n, middle[us] / others[n], most) for n, most in BARS[row] if n in others]
    if others:
        best = min(others, key=others.get)
        checks.append((f"best ({best})", middle[us] / others[best], WITHIN))
    return ", ".join(f"{us}/{n} {ratio:.2f} {'<=' if ratio <= most else '**>**'} {most}" for n, ratio, most in checks)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", help=f"rows to run: {', '.join(ROWS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="few short rounds and a short time goal")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), help="contenders to run")
    parser.add_argument("--write", type=pathlib.Path, help="also write the table to this Markdown file")
    options = parser.parse_args()
    unknown = [r for r in options.rows if r not in ROWS]
    if unknown:
        parser.error(f"unknown row {unknown[0]!r}; there are {', '.join(ROWS)}")
    goal, rounds, seconds = (10.0, 5, 0.5) if options.quick else (45.0, 15, 1.0)
    results, notes = {}, []
    for row in options.rows or ROWS:
        results[row] = measure(row, contenders(row, options.only), goal, rounds, seconds)
        notes += [f"- {row}, {p.name}: {p.note}" for p in results[row] if p.note]
    cores = os.cpu_count()
    command = "python -m benchmarks" + (" --quick" if options.quick else "") + "".join(f" {r}" for r in options.rows)
    text = (
        f"{table(results)}\n\n{cores} cores, time goal {goal:g} s, {rounds} rounds of {seconds:g} s each in turn, medians. Plans:\n\n"
        + "\n".join(notes)
    )
    print(text)
    if options.write is not None:
        options.write.parent.mkdir(parents=True, exist_ok=True)
        options.write.write_text(f"# Speed of training\n\nMade by `{command} --write {options.write}`.\n\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
