"""What the tests of slips share: the shipped book, and every slip of it in every language and width."""

from __future__ import annotations

import pytest

from daemon.slips.book import WIDTHS, SlipBook
from daemon.slips.models import SLIPS
from daemon.texts import SLIP_LANGUAGES

BOOK = SlipBook()

OF_NO_USE = {
    "readiness": {"reprint", "complaint_phone", "notice"},
    "test-page": {"reprint", "complaint_phone", "notice", "hall"},
}
"""What visitors are told has no place on slips for technicians."""
every_slip = pytest.mark.parametrize("name", SLIPS)
every_language = pytest.mark.parametrize("language", SLIP_LANGUAGES)
every_width = pytest.mark.parametrize("columns", WIDTHS)
