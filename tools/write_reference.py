"""Writes docs/reference-layers.md, docs/reference-operators.md and docs/reference-codecs.md: every layer, container, operator, encoder
and decoder with its signature, ports, arrays, text and example, from the classes.

python tools/write_reference.py           writes them
python tools/write_reference.py --check   says whether they are as they would be written
"""

import ast
import doctest
import inspect
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
LAYERS_PAGE, OPERATORS_PAGE, CODECS_PAGE = (ROOT / "docs" / f"reference-{name}.md" for name in ("layers", "operators", "codecs"))

WRITTEN = "Written by `python tools/write_reference.py` from the classes; change their docstrings, not this page."

LAYERS_HEAD = f"""# The layers

{WRITTEN}
[layers.md](layers.md) says how to read it. Shapes are those of one example: `*name` is a run of any number of axes, a name that is a
parameter of the layer is that parameter, and the same name twice is the same size. Where ports follow from the parameters, the drawing
is that of the first example.
"""

OPERATORS_HEAD = f"""# The containers and operators

{WRITTEN}
[containers.md](containers.md) introduces them. Their ports follow from the nets inside; each drawing is that of the first example.
"""

CODECS_HEAD = f"""# The encoders and decoders

{WRITTEN}
[codecs.md](codecs.md) introduces them. Each kind is shown with its arguments and, in the dict, the parameters with their defaults, all of
which may be keywords: `NetEncoder("Image", ColorSpace="Grayscale")`. Codes and positions count from 0.
"""


class Part(NamedTuple):
    """A port or array of a layer: its name, what it is, its shape and its meaning."""

    name: str
    sort: str
    shape: str
    meaning: str = ""


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


def declared(cls: type) -> list[Part]:
    """The ports and arrays that the class declares; none where they follow from the parameters."""
    schema = cls.schema_of()
    parts = []
    if schema.variadic is not None:
        names = ", ".join(f'"{schema.variadic.naming.format(i)}"' for i in (1, 2))
        parts.append(Part(f"{names}, ...", "inputs", schema.variadic.text, schema.variadic.meaning))
    for sort, ports in (("input", schema.inputs), ("output", schema.outputs), ("readable", schema.readable)):
        parts += [Part(f'"{name}"', sort, port.text, port.meaning) for name, port in ports.items()]
    parts += [Part(f'"{name}"', "recurrent state", port.text, port.meaning) for name, port in schema.state_ports.items()]
    for name, array in schema.arrays.items():
        parts.append(Part(f'"{name}"', "state" if type(array).__name__ == "State" else "array", array.text, array.meaning))
    return [part._replace(shape=part.shape.rstrip(": ") if part.shape.endswith(":") else part.shape) for part in parts]


def of_the_first_example(cls: type) -> list[Part]:
    """The ports of the first net of this class in its examples, with their types."""
    import numpy
    import torch

    import netgraph

    names = {"np": numpy, "torch": torch, **{name: getattr(netgraph, name) for name in netgraph.__all__}}
    for example in doctest.DocTestParser().get_examples(cls.__doc__ or ""):
        for node in ast.walk(ast.parse(example.source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == cls.__name__:
                net = eval(ast.unparse(node), names)
                ports = [("input", net.inputs), ("output", net.outputs)]
                return [Part(f'"{name}"', sort, str(kind)) for sort, types in ports for name, kind in types.items()]
        exec(example.source, names)
    return []


def table(parts: list[Part]) -> list[str]:
    """The ports and arrays, a row each."""
    rows = [f"| {part.name} | {part.sort} | `{part.shape}` | {part.meaning} |" for part in parts]
    return ["| | | shape | |", "|---|---|---|---|", *rows] if rows else []


def drawing(name: str, parts: list[Part]) -> str:
    """The ports at the sides of a box, with the name and the arrays in it.

    >>> print(drawing("L", [Part('"Input"', "input", "real: n"), Part('"W"', "array", "n"), Part('"Output"', "output", "real: n")]))
                  ┌─────┐
    Input real: n ┤ L   ├ Output real: n
                  │ W n │
                  └─────┘
    """

    def column(*sorts: str) -> list[str]:
        return [f"{part.name} {part.shape}".replace('"', "") for part in parts if part.sort in sorts]

    left, right = column("input", "inputs", "recurrent state"), column("output", "readable", "recurrent state")
    inside = [name, *column("array", "state")]
    rows = max(len(left), len(right), len(inside))
    before, width = max(map(len, left), default=0), max(map(len, inside))
    lines = [" " * (before + 1) + f"┌{'─' * (width + 2)}┐"]
    for i in range(rows):
        source, body, target = (texts[i] if i < len(texts) else "" for texts in (left, inside, right))
        lines.append(f"{source:{before}} {'┤' if source else '│'} {body:{width}} {'├ ' + target if target else '│'}")
    return "\n".join([*lines, " " * (before + 1) + f"└{'─' * (width + 2)}┘"])


def parts_of(cls: type) -> tuple[str, str, str]:
    """Of the docstring of a class the first line, the text, and the example as it stands on a page."""
    text, _, examples = inspect.cleandoc(cls.__doc__ or "").partition("\n>>> ")
    first, _, rest = text.partition("\n")
    rest = rest.strip("\n").replace("\nErrors:", "\n\nErrors:").replace("\nSource:", "\n\nSource:")
    return first, rest, f"```python\n>>> {examples.strip()}\n```" if examples else ""


def section(cls: type) -> str:
    """One class: heading, signature, drawing, table, text, example."""
    first, rest, example = parts_of(cls)
    own = declared(cls) if hasattr(cls, "schema_of") else []
    drawn = own or of_the_first_example(cls)
    written = signature(cls) if hasattr(cls, "schema_of") else f"{cls.__name__}{inspect.signature(cls)}"
    parts = [f"### {cls.__name__}", first, f"```text\n{written}\n```"]
    parts += [f"```text\n{drawing(cls.__name__, drawn)}\n```" if drawn else "", "\n".join(table(own)), rest]
    return "\n\n".join(part for part in (*parts, example) if part)


def layers_page() -> str:
    """The page of all layers as it should be."""
    parts = [LAYERS_HEAD.rstrip()]
    for title, classes in families().items():
        parts += [f"## {title}", *(section(cls) for cls in classes)]
    return "\n\n".join(parts) + "\n"


def operators_page() -> str:
    """The page of containers and operators as it should be."""
    from netgraph import NetChain, NetGraph
    from netgraph.spec.layer import LAYERS

    operators = sorted((cls for cls in LAYERS.values() if cls.__module__.startswith("netgraph.nets.")), key=lambda cls: cls.__name__)
    parts = [OPERATORS_HEAD.rstrip(), "## Containers", *map(section, (NetChain, NetGraph)), "## Operators", *map(section, operators)]
    return "\n\n".join(parts) + "\n"


def codec_heading(cls: type) -> str:
    """How a kind is called on the page of encoders and decoders."""
    return f'{cls.family}("{cls.kind}")'


def codec_signature(cls: type) -> str:
    """How a codec is written: its arguments, then a dict of the other parameters with their defaults."""
    from netgraph.codecs.codec import REQUIRED

    shown = {name: "" if value is REQUIRED else repr(value).replace("'", '"') for name, value in cls.defaults.items()}
    words = [f'"{cls.kind}"', *(f"{name}={shown[name]}".rstrip("=") for name in cls.positional)]
    rest = [f'"{name}": {shown[name]}' for name in cls.checks if name not in cls.positional]
    lines = textwrap.wrap(", ".join(rest), 100, break_long_words=False, break_on_hyphens=False)
    return f"{cls.family}(({', '.join([*words, *(['{' + chr(10).join(lines) + '}'] if lines else [])])}))".replace("\n", "\n    ")


def codecs_page() -> str:
    """The page of encoders and decoders as it should be."""
    from netgraph.codecs.codec import all_kinds

    parts = [CODECS_HEAD.rstrip()]
    for title, side in (("Encoders", "input"), ("Decoders", "output")):
        parts.append(f"## {title}")
        for _, cls in sorted(all_kinds(side).items()):
            first, rest, example = parts_of(cls)
            section = (f"### {codec_heading(cls)}", first, f"```text\n{codec_signature(cls)}\n```", rest, example)
            parts.append("\n\n".join(part for part in section if part))
    return "\n\n".join(parts) + "\n"


def pages() -> dict[Path, str]:
    """What each page should say."""
    return {LAYERS_PAGE: layers_page(), OPERATORS_PAGE: operators_page(), CODECS_PAGE: codecs_page()}


if __name__ == "__main__":
    if "--check" in sys.argv:
        stale = [path.name for path, text in pages().items() if not path.exists() or path.read_text() != text]
        sys.exit(f"stale: {', '.join(stale)}; run python tools/write_reference.py" if stale else 0)
    for path, text in pages().items():
        path.write_text(text)
