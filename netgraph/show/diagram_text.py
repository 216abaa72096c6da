"""A net as the text of other drawing tools: Mermaid (Markdown pages show it) and Graphviz's DOT."""

from netgraph.show.diagram import Box, Path, diagram
from netgraph.spec.net import Net


def mermaid(net: Net, *, depth: int = 3) -> str:
    """The net as a Mermaid flow chart: what `plot` draws, for Markdown pages. Options and errors: those of `plot`.

    >>> from netgraph.nets.chain import NetChain
    >>> print(mermaid(NetChain([2, "Ramp"], Input=3)))
    flowchart TD
      n0(["Input"])
      n1["0: LinearLayer(2)"]
      n2["1: ElementwiseLayer(Ramp)"]
      n3(["Output"])
      n0 -->|"(3,)"| n1
      n1 -->|"(2,)"| n2
      n2 -->|"(2,)"| n3
    """
    root = diagram(net, depth)
    names = _identifiers(root)
    lines = ["flowchart TD"]
    for level, box, closing in _outline(root):
        indent, name = "  " * level, names.get(box.path)
        if closing:
            lines.append(f"{indent}end")
        elif box.sort == "net":
            lines.append(f'{indent}subgraph {name}["{_mermaid_text(_label(box))}"]')
        elif box.sort in ("input", "output"):
            shape = f'(["{_mermaid_text(box.text)}"])' if box.text else "(( ))"
            lines.append(f"{indent}{name}{shape}")
        else:
            lines.append(f'{indent}{name}["{_mermaid_text(_label(box))}"]')
    for box in root.every():
        for line in box.lines:
            text = _edge_text(line)
            arrow = f'-->|"{_mermaid_text(text)}"|' if text else "-->"
            lines.append(f"  {names[line.inner if line.inner in names else line.source]} {arrow} {names[line.target]}")
    return "\n".join(lines)


def dot(net: Net, *, depth: int = 3) -> str:
    """The net in Graphviz's DOT language: what `plot` draws. Options and errors: those of `plot`.

    >>> from netgraph.nets.chain import NetChain
    >>> print(dot(NetChain([2], Input=3)))
    digraph {
      compound=true; node [shape=box, style=rounded, fontname="Helvetica"]; edge [fontname="Helvetica", fontsize=10];
      n0 [label="Input", shape=oval];
      n1 [label="0: LinearLayer(2)"];
      n2 [label="Output", shape=oval];
      n0 -> n1 [label="(3,)"];
      n1 -> n2 [label="(2,)"];
    }
    """
    root = diagram(net, depth)
    names = _identifiers(root)
    boxes = {box.path: box for box in root.every() if box is not root}
    lines = [
        "digraph {",
        '  compound=true; node [shape=box, style=rounded, fontname="Helvetica"]; edge [fontname="Helvetica", fontsize=10];',
    ]
    for level, box, closing in _outline(root):
        indent, name = "  " * level, names.get(box.path)
        if closing:
            lines.append(f"{indent}}}")
        elif box.sort == "net":
            lines.append(f'{indent}subgraph cluster_{name} {{ label="{_dot_text(_label(box))}";')
        elif box.sort in ("input", "output"):
            shape = f'label="{_dot_text(box.text)}", shape=oval' if box.text else "shape=point"
            lines.append(f"{indent}{name} [{shape}];")
        else:
            lines.append(f'{indent}{name} [label="{_dot_text(_label(box))}"];')
    for box in root.every():
        for line in box.lines:
            source = boxes[line.inner if line.inner in boxes else line.source]
            target = boxes[line.target]
            options = [f'label="{_dot_text(_edge_text(line))}"'] if _edge_text(line) else []
            # DOT joins nodes only: a line to a box around others goes to one of those and is cut at its border.
            options += [f"ltail=cluster_{names[source.path]}"] if source.sort == "net" else []
            options += [f"lhead=cluster_{names[target.path]}"] if target.sort == "net" else []
            ends = f"{names[_leaf(source, -1).path]} -> {names[_leaf(target, 0).path]}"
            lines.append(f"  {ends} [{', '.join(options)}];" if options else f"  {ends};")
    return "\n".join([*lines, "}"])


def _identifiers(root: Box) -> dict[Path, str]:
    return {box.path: f"n{number}" for number, box in enumerate(box for box in root.every() if box is not root)}


def _outline(root: Box):
    """(level, box, closing) of every box, one that has others inside at its end too."""
    stack = [(1, box, False) for box in reversed(root.inside)]
    while stack:
        level, box, closing = stack.pop()
        yield level, box, closing
        if box.sort == "net" and not closing:
            stack.append((level, box, True))
            stack.extend((level + 1, part, False) for part in reversed(box.inside))


def _leaf(box: Box, end: int) -> Box:
    while box.sort == "net" and box.inside:
        box = box.inside[end]
    return box


def _label(box: Box) -> str:
    return f"{box.name}: {box.text}" if box.name else box.text


def _edge_text(line) -> str:
    ports = " to ".join(name for name in (line.start, line.end) if name)
    return " ".join(text for text in (ports, line.text) if text)


def _mermaid_text(text: str) -> str:
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")


def _dot_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
