"""Where the files are that kioskd brings along: slip templates, profiles."""

from __future__ import annotations

import sys
from pathlib import Path

_CHECKOUT = Path(__file__).parents[1] / "config"


def shipped(folder: str, prefix: Path = Path(sys.prefix), checkout: Path = _CHECKOUT) -> Path:
    """The `folder` of shipped files: that of the checkout this code runs from, or else where the wheel puts it.

    The checkout comes first: an editable install leaves a copy at the wheel's place, which nobody keeps up to date.
    """
    at_hand = checkout / folder
    return at_hand if at_hand.is_dir() else prefix / "share" / "kioskd" / folder
