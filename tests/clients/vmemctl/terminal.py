"""Renders what a terminal would show, as plain text."""

from io import StringIO

from rich.console import Console, RenderableType


def shown(renderable: RenderableType, *, width: int = 200) -> str:
    """Returns the text, without colours."""
    stream = StringIO()
    console = Console(file=stream, width=width, markup=False, highlight=False, emoji=False, color_system=None)
    console.print(renderable)
    return stream.getvalue()
