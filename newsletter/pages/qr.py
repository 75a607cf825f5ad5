"""QR codes of public pages, as SVG and PNG: the same bytes for the same address."""

from __future__ import annotations

import io

import segno

ERROR = "m"
BORDER = 4


def svg(url: str) -> bytes:
    """The code as an SVG file that fills the room it is given, black on white in dark mode too."""
    out = io.BytesIO()
    _code(url).save(
        out, kind="svg", border=BORDER, light="#fff", omitsize=True, xmldecl=False, nl=False, svgclass=None
    )
    return out.getvalue()


def png(url: str) -> bytes:
    """The code as a PNG, 10 pixels a module: large enough to print."""
    out = io.BytesIO()
    _code(url).save(out, kind="png", border=BORDER, scale=10)
    return out.getvalue()


def _code(url: str) -> segno.QRCode:
    return segno.make(url, error=ERROR, micro=False)
