"""What a person sees on the screen of a BX-5K/6K board."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers.display.bx_area_protocol import Area, Effect
from drivers.display.bx_text import decode_content


def seen(area: Area) -> Mapping[str, Any]:
    """An area of the screen; its text is what its content says, whatever fits of it."""
    content = decode_content(area.content)
    return {
        "id": area.id,
        "x": area.x,
        "y": area.y,
        "w": area.width,
        "h": area.height,
        "text": content.text,
        "colour": content.colour.name.lower() if content.colour else None,
        "font": content.font_dots,
        "scrolls": area.effect in (Effect.LEFT, Effect.RIGHT, Effect.UP, Effect.DOWN),
        "wraps": area.auto_wrap,
    }
