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


EAGER = ("errors", "types", "spec", "layers", "codecs", "nets")
"""The floors that say what a net is, imported with the package; what nets do is imported when somebody first asks for it."""

LATER = """
if _collecting:
    _gc.enable()


def _import_verbs():
    \"\"\"Import all that nets do, which binds it to them.\"\"\"
    collecting = _gc.isenabled()
    _gc.disable()
    try:
        return _import_module("netgraph.verbs")
    finally:
        if collecting:
            _gc.enable()


_FILLERS.append(_import_verbs)


def __getattr__(name):
    if name not in _LATER:
        raise AttributeError(f"module 'netgraph' has no attribute {name!r}")
    _import_verbs()
    module, _, attribute = _LATER[name].partition(":")
    value = globals()[name] = getattr(_import_module(module), attribute)
    return value


def __dir__():
    return __all__
"""


def import_line(module: str, names: list[str], indent: str = "") -> list[str]:
    """The lines that import some names from a module."""
    line = f"{indent}from {module} import {', '.join(names)}"
    if len(line) <= 140:
        return [line]
    return [f"{indent}from {module} import (", *(f"{indent}    {name}," for name in names), f"{indent})"]


def text() -> str:
    """The whole file as it should be."""
    modules = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(("netgraph", *path.relative_to(ROOT).with_suffix("").parts))
        if path.name != "__init__.py" and (names := exported(name)):
            modules[name] = names
    eager = {module: names for module, names in modules.items() if module.split(".")[1] in EAGER}
    later = {module: names for module, names in modules.items() if module not in eager}
    lines = [
        '"""netgraph: declarative neural nets on PyTorch. Written by `make init`; see README.md for the guide."""',
        "",
        "import gc as _gc",
        "from importlib import import_module as _import_module",
        "from typing import TYPE_CHECKING as _TYPE_CHECKING",
        "",
        "# what is imported stays, so looking for garbage meanwhile only costs (one pass over torch's objects: 0.07 s)",
        "_collecting = _gc.isenabled()",
        "_gc.disable()",
        "",
    ]
    for module, names in sorted({**eager, "netgraph.spec.net": [*eager.get("netgraph.spec.net", []), "FILLERS as _FILLERS"]}.items()):
        lines += import_line(module, names)
    lines += ["", "if _TYPE_CHECKING:"]
    for module, names in later.items():
        lines += import_line(module, names, "    ")
    lines += [""]
    places = {name: module for module, names in later.items() for name in names}
    everything = [name for names in modules.values() for name in names]
    aliases = {alias: name for name, alias in ALIASES.items() if name in everything}
    places_of = {name: f"{module}:{name}" for name, module in places.items()}
    places_of |= {alias: places_of[name] for alias, name in aliases.items() if name in places_of}
    lines += [f"    {alias} = {name}" for alias, name in sorted(aliases.items()) if name in places]
    lines += [f"{alias} = {name}" for alias, name in sorted(aliases.items()) if name not in places]
    lines += ["", "_LATER = {", *(f'    "{name}": "{place}",' for name, place in sorted(places_of.items())), "}"]
    names = ", ".join(f'"{name}"' for name in sorted([*everything, *aliases]))
    packed = textwrap.wrap(names + ",", 136, initial_indent="    ", subsequent_indent="    ", break_long_words=False)
    lines += [LATER, "", "__all__ = [", *packed, "]  # fmt: skip", ""]
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
