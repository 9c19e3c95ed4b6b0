"""A matplotlib figure as SVG that is part of a page: its colours are the page's, light or dark, and so is its font.

Colours are drawn as stand-ins, a number each that no other colour has, and become CSS variables in the text of the SVG.
"""

import io
import re
from contextlib import AbstractContextManager
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

# The stand-ins, and the variables that the page's style sheet defines.
INK, MUTED, GRID = "#010101", "#010102", "#010103"
SERIES = tuple(f"#0102{number:02x}" for number in range(7))
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    **{color: f"--series-{number}" for number, color in enumerate(SERIES)},
}
# A phone shows it at three quarters of this width, a desktop at this width or a little more.
WIDTH_INCHES = 5.6
_FONT_SIZE = 12
_STYLE: dict[str, Any] = {
    # Ids are hashes of contents with this salt: else they are new on every run.
    "svg.hashsalt": "nextclick",
    # Text stays text: it can be found, read aloud, and takes the page's font.
    "svg.fonttype": "none",
    # Names of models are shown as they are, dollars too.
    "text.parse_math": False,
    "font.size": _FONT_SIZE,
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelsize": _FONT_SIZE,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": _FONT_SIZE,
    "figure.constrained_layout.use": True,
}
_NO_METADATA: dict[str, None] = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def figure_style() -> AbstractContextManager[None]:
    """Return the context to draw in."""
    # From the defaults on: a matplotlibrc of the user's own would change the bytes.
    style: dict[Any, Any] = {**mpl.rcParamsDefault, **_STYLE, "backend": "svg"}
    return mpl.rc_context(style)


def inline_svg(figure: Figure, key: str, description: str) -> str:
    """Return a figure as an element for a page; call it in `figure_style`.

    Args:
        figure: It may be drawn once.
        key: Of its own on the page: ids begin with it.
        description: Read aloud in the place of the picture.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata=_NO_METADATA)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    # Its one rule is for all elements of the page: it stands in the style sheet, for pictures alone.
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r'(\sid="|url\(#|href="#)', rf"\g<1>{key}-", text.replace("xlink:href", "href"))
    for color, variable in _VARIABLES.items():
        text = text.replace(color, f"var({variable})")
    box = re.search(r'viewBox="[^"]+"', text)
    assert box is not None  # noqa: S101 - matplotlib always writes one
    return f'<svg {box[0]} role="img" aria-label="{escape(description)}">{text[text.index(">") + 1 :].strip()}'
