"""Writes netgraph/__init__.py: imports and a sorted `__all__`, from what the modules of each floor export.

python tools/write_init.py           writes it
python tools/write_init.py --check   says whether it is as it would be written
"""

import importlib
import sys
import textwrap
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent / "netgraph"
TARGET = ROOT / "__init__.py"

ALIASES = {
    "net_append": "NetAppend",
    "net_delete": "NetDelete",
    "net_drop": "NetDrop",
    "net_extract": "NetExtract",
    "net_flatten": "NetFlatten",
    "net_information": "NetInformation",
    "net_initialize": "NetInitialize",
    "net_insert": "NetInsert",
    "net_insert_shared_arrays": "NetInsertSharedArrays",
    "net_join": "NetJoin",
    "net_measurements": "NetMeasurements",
    "net_prepend": "NetPrepend",
    "net_rename": "NetRename",
    "net_replace": "NetReplace",
    "net_replace_part": "NetReplacePart",
    "net_take": "NetTake",
    "net_train": "NetTrain",
    "net_unfold": "NetUnfold",
}
"""Functions and, as the same object, Wolfram's name for them."""


def exported(name: str) -> list[str]:
    """The names in a module's `__all__`: what it gives to users. An inner module has none."""
    return sorted(getattr(importlib.import_module(name), "__all__", []))


def text() -> str:
    """The whole file as it should be."""
    modules = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(("netgraph", *path.relative_to(ROOT).with_suffix("").parts))
        if path.name != "__init__.py" and (names := exported(name)):
            modules[name] = names
    lines = [
        '"""netgraph: declarative neural nets on PyTorch. Written by `make init`; see README.md for the guide."""',
        "",
        "import gc as _gc",
        "",
        "# what is imported stays, so looking for garbage meanwhile only costs (one pass over torch's objects: 0.07 s)",
        "_collecting = _gc.isenabled()",
        "_gc.disable()",
        "",
        "from netgraph import verbs as verbs",
    ]
    everything = []
    for module, names in modules.items():
        everything += names
        line = f"from {module} import {', '.join(names)}"
        if len(line) <= 140:
            lines.append(line)
        else:
            lines += [f"from {module} import (", *(f"    {name}," for name in names), ")"]
    aliases = {alias: name for name, alias in ALIASES.items() if name in everything}
    lines += ["", "if _collecting:", "    _gc.enable()", ""]
    lines += [f"{alias} = {name}" for alias, name in sorted(aliases.items())]
    names = ", ".join(f'"{name}"' for name in sorted([*everything, *aliases]))
    packed = textwrap.wrap(names + ",", 136, initial_indent="    ", subsequent_indent="    ", break_long_words=False)
    lines += ["", "__all__ = [", *packed, "]  # fmt: skip", ""]
    return "\n".join(lines)


def without_init() -> None:
    """Let the floors be imported without the file that is about to be written."""
    package = ModuleType("netgraph")
    package.__path__ = [str(ROOT)]
    sys.modules["netgraph"] = package


if __name__ == "__main__":
    without_init()
    if "--check" in sys.argv:
        sys.exit(0 if TARGET.read_text() == text() else "netgraph/__init__.py is stale: run `make init`")
    TARGET.write_text(text())
