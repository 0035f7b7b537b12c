"""A QR code as the page draws it."""

from __future__ import annotations

from collections.abc import Mapping

import qrcode

MAX_QR_BYTES = 1000
"""Fits at every level of error correction."""

QR_LEVELS: Mapping[str, int] = {
    "L": qrcode.ERROR_CORRECT_L,
    "M": qrcode.ERROR_CORRECT_M,
    "Q": qrcode.ERROR_CORRECT_Q,
    "H": qrcode.ERROR_CORRECT_H,
}


def qr_svg(data: bytes, level: str) -> str:
    """`data` as an SVG picture, a unit for each module. A printer leaves no margin, and neither does this."""
    code = qrcode.QRCode(error_correction=QR_LEVELS[level], border=0)
    code.add_data(data)
    rows = code.get_matrix()
    dark = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, module in enumerate(row) if module)
    size = len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 {size} {size}" '
        f'shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}h-{size}z"/><path d="{dark}"/></svg>'
    )
