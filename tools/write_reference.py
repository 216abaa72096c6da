"""Writes docs/reference-layers.md: every layer with its signature, ports, arrays, text and example, from the classes.

python tools/write_reference.py           writes it
python tools/write_reference.py --check   says whether it is as it would be written
"""

import inspect
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
TARGET = ROOT / "docs" / "reference-layers.md"

HEAD = """# The layers

Written by `python tools/write_reference.py` from the classes; change their docstrings, not this page.
[layers.md](layers.md) says how to read it. Shapes are those of one example: `*name` is a run of any number of axes, a name that is a
parameter of the layer is that parameter, and the same name twice is the same size.
"""


def families() -> dict[str, list[type]]:
    """The layers of netgraph/layers by the first sentence of their file, in the order of the files and, within, by name."""
    import netgraph  # noqa: F401 - so that every layer is known
    from netgraph.spec.layer import LAYERS

    found: dict[str, list[type]] = {}
    modules = sorted({cls.__module__ for cls in LAYERS.values() if cls.__module__.startswith("netgraph.layers.")})
    for module in modules:
        title = (sys.modules[module].__doc__ or module).split("\n")[0].rstrip(".")
        found[title] = sorted((cls for cls in LAYERS.values() if cls.__module__ == module), key=lambda cls: cls.__name__)
    return found


def signature(cls: type) -> str:
    """How the layer is written: parameters in order, with defaults where they have one; arrays and port types are keywords."""
    schema = cls.schema_of()
    words = []
    for name, parameter in inspect.signature(cls).parameters.items():
        if name in cls.port_words(schema):
            continue
        words.append(name if parameter.default is parameter.empty else f"{name}={parameter.default!r}")
    return f"{cls.__name__}({', '.join(words)})"


def table(cls: type) -> list[str]:
    """The ports and arrays, a row each."""
    schema = cls.schema_of()
    rows = []
    if schema.variadic is not None:
        names = ", ".join(f'"{schema.variadic.naming.format(i)}"' for i in (1, 2))
        rows.append((f"{names}, ...", "inputs", schema.variadic.text, schema.variadic.meaning))
    rows += [(f'"{name}"', "input", port.text, port.meaning) for name, port in schema.inputs.items()]
    rows += [(f'"{name}"', "output", port.text, port.meaning) for name, port in schema.outputs.items()]
    rows += [(f'"{name}"', "readable", port.text, port.meaning) for name, port in schema.readable.items()]
    kinds = {True: "state", False: "array"}
    rows += [(f'"{name}"', kinds[type(array).__name__ == "State"], array.text, array.meaning) for name, array in schema.arrays.items()]
    if not rows:  # the ports follow from the parameters
        return []
    lines = ["| | | shape | |", "|---|---|---|---|"]
    return [
        *lines,
        *(f"| {name} | {sort} | `{text.rstrip(': ') if text.endswith(':') else text}` | {meaning} |" for name, sort, text, meaning in rows),
    ]


def section(cls: type) -> str:
    """One layer: heading, signature, table, text, example."""
    text, _, examples = inspect.cleandoc(cls.__doc__ or "").partition("\n>>> ")
    first, _, rest = text.partition("\n")
    rest = rest.strip("\n").replace("\nErrors:", "\n\nErrors:").replace("\nSource:", "\n\nSource:")
    parts = [f"### {cls.__name__}", first, f"```text\n{signature(cls)}\n```", "\n".join(table(cls)), rest]
    if examples:
        parts.append(f"```python\n>>> {examples.strip()}\n```")
    return "\n\n".join(part for part in parts if part)


def page() -> str:
    """The whole page as it should be."""
    parts = [HEAD.rstrip()]
    for title, classes in families().items():
        parts += [f"## {title}", *(section(cls) for cls in classes)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if TARGET.read_text() == page() else "docs/reference-layers.md is stale: run python tools/write_reference.py")
    TARGET.write_text(page())
