"""The examples of the pages: every ```python fence of README.md and docs/ is run, and its output compared.

python tools/page_examples.py PAGE ...   writes the outputs anew where they differ; read the difference before you keep it

The fences of a page share one namespace, which starts with `from netgraph import *`, numpy as np and torch. A fence with lines that start
with `>>>` is a doctest (`...` in an output stands for anything, amounts of white space do not matter, an empty line before the next prompt
is no output); one without is run as it stands.
"""

import contextlib
import doctest
import io
import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def pages() -> list[Path]:
    """README.md, CONTRIBUTING.md and everything under docs/."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def namespace() -> dict:
    """What a page starts with."""
    import numpy
    import torch

    import netgraph

    return {**{name: getattr(netgraph, name) for name in netgraph.__all__}, "np": numpy, "torch": torch, "__name__": "__main__"}


class Outputs(doctest.DocTestRunner):
    """Runs examples and keeps what each that failed gave instead."""

    def __init__(self):
        super().__init__(optionflags=OPTIONS, verbose=False)
        self.other: dict[int, str] = {}

    def report_failure(self, out, test, example, got):
        self.other[example.lineno] = got
        super().report_failure(out, test, example, got)

    def report_unexpected_exception(self, out, test, example, exc_info):
        kind, error = exc_info[0], exc_info[1]
        name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
        self.other[example.lineno] = f"Traceback (most recent call last):\n{name}: {error}\n"
        super().report_unexpected_exception(out, test, example, exc_info)


def run(path: Path, text: str) -> tuple[list[str], dict[int, tuple[doctest.Example, str]]]:
    """The reports of all that went wrong on a page, and by line (from 0) the examples whose output differs, with the true one."""
    parser, known = doctest.DocTestParser(), namespace()
    reports: list[str] = []
    other: dict[int, tuple[doctest.Example, str]] = {}
    for fence in FENCE.finditer(text):
        body, line = fence[1], text[: fence.start(1)].count("\n")
        if not re.search("^>>>", body, re.MULTILINE):
            exec(compile("\n" * line + body, str(path), "exec"), known)
            continue
        test = parser.get_doctest(marked(body), {}, path.name, str(path), line)
        test.globs = known
        runner = Outputs()
        runner.run(test, out=reports.append, clear_globs=False)
        other.update(
            {line + example.lineno: (example, runner.other[example.lineno]) for example in test.examples if example.lineno in runner.other}
        )
    return reports, other


def marked(body: str) -> str:
    """The examples with doctest's mark at the empty lines inside an output: those after which no prompt comes."""
    lines = body.split("\n")
    for number, line in enumerate(lines):
        if not line and number and not lines[number - 1].startswith((">>>", "...")):
            after = next((other for other in lines[number:] if other), ">>>")
            lines[number] = "" if after.startswith(">>>") else "<BLANKLINE>"
    return "\n".join(lines)


def corrected(text: str, other: dict[int, tuple[doctest.Example, str]]) -> str:
    """The page with the true outputs."""
    lines = text.split("\n")
    for number, (example, output) in sorted(other.items(), reverse=True):
        start = number + example.source.count("\n")
        length = 0  # the lines of the old output
        while not lines[start + length].startswith((">>>", "```")):
            length += 1
        between = [""] if length and lines[start + length - 1] == "" and lines[start + length].startswith(">>>") else []
        shown = output.rstrip("\n").split("\n") if output.strip() else []
        lines[start : start + length] = [*shown, *between]
    return "\n".join(lines)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = Path(name).resolve()
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stderr(io.StringIO()) as said:
            found, different = run(page, page.read_text())
        page.write_text(corrected(page.read_text(), different))
        print(f"{os.path.relpath(page, ROOT)}: {len(different)} outputs written")
