"""A drawing as a PNG file, painted by matplotlib: no system package, no browser."""

import io
from collections.abc import Sequence

from netgraph.errors import NetError
from netgraph.show.shapes import LINE, Course, Dot, Picture, Rectangle, Shape, Words

PIXELS = 2
"""Pixels of the file for one unit of the drawing."""


def painted(shapes: Sequence[Shape], width: float, height: float) -> bytes:
    """The PNG file of these shapes on white. Errors: NetError where matplotlib is missing."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NetError("a PNG of a net is painted by matplotlib, which is not installed", fix="pip install 'netgraph[plot]'") from error
    inch = 72.0  # a unit is a point, so sizes of text and lines are those of the drawing
    figure = Figure(figsize=(width / inch, height / inch), dpi=inch * PIXELS, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    for level, shape in enumerate(shapes):
        _paint(axes, shape, level + 1)
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    return file.getvalue()


def _paint(axes, shape: Shape, level: int) -> None:
    from matplotlib import patches, patheffects
    from matplotlib.path import Path

    if isinstance(shape, Rectangle):
        style = f"round,pad=0,rounding_size={shape.radius}"
        place = ((shape.x, shape.y), shape.width, shape.height)
        box = patches.FancyBboxPatch(*place, boxstyle=style, fc=shape.fill, ec=shape.border, lw=1.2, zorder=level)
        axes.add_patch(box)
    elif isinstance(shape, Dot):
        axes.add_patch(patches.Circle((shape.x, shape.y), shape.radius, fc=shape.fill, lw=0, zorder=level))
    elif isinstance(shape, Course):
        points, codes = [shape.start], [Path.MOVETO]
        for step in shape.steps:
            points += step
            codes += [Path.LINETO if len(step) == 1 else Path.CURVE4] * len(step)
        arrow = "-|>,head_length=3,head_width=1.6"
        path = Path(points, codes)
        axes.add_patch(patches.FancyArrowPatch(path=path, arrowstyle=arrow, ec=LINE, fc=LINE, lw=1.1, shrinkA=0, shrinkB=0, zorder=level))
    elif isinstance(shape, Words):
        side = {"start": "left", "middle": "center"}[shape.anchor]
        # the default font is a little wider than that of browsers, for which widths are reckoned
        text = axes.text(shape.x, shape.y, shape.text, fontsize=shape.size * 0.88, color=shape.colour, ha=side, va="baseline", zorder=level)
        text.set_parse_math(False)
        if shape.halo:
            text.set_path_effects([patheffects.withStroke(linewidth=3, foreground="white")])
    elif isinstance(shape, Picture):
        extent = (shape.x, shape.x + shape.width, shape.y + shape.height, shape.y)
        axes.imshow(shape.pixels, extent=extent, interpolation="nearest", aspect="auto", zorder=level)
        axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
