"""Barcodes: which data a symbology takes, and the bars of it.

The tables are python-barcode's (MIT), which python-escpos brings along. It has no CODE93 (here by AIM USS-93) and no
UPC-E (here by the GS1 General Specifications); both were compared with receiptline 4.0.4 (Apache-2.0).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from barcode.charsets import codabar, code39, code128, ean, itf

from drivers.printer.page import Symbology

MAX_CHARACTERS = 48

_CODE93_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"
_CODE93_BARS = (
    "100010100101001000101000100101000010100101000100100100100100010101010000100010010100001010"
    "110101000110100100110100010110010100110010010110001010101101000101100100101100010100110100"
    "100011010101011000101001100101000110100101100100010110110110100110110010110101100110100110"
    "110010110110011010101101100101100110100110110100111010100101110111010100111010010111001010"
    "101101110101110110110101110100100110111011010111010110100110010"
)
"""Nine modules a character; the last four are shifts, which only a checksum can come to here."""

_CODE93_EDGE = "101011110"
_UPC_E_PARITY = ("BBBAAA", "BBABAA", "BBAABA", "BBAAAB", "BABBAA", "BAABBA", "BAAABB", "BABABA", "BABAAB", "BAABAB")


def complete(kind: str, data: str) -> tuple[Symbology, str]:
    """The symbology that `kind` (ReceiptLine's word) means for `data`, and the data with its check digit.

    Raises ValueError saying what `kind` takes when it does not take `data`.
    """
    if len(data) > MAX_CHARACTERS:
        raise ValueError(f"a barcode holds at most {MAX_CHARACTERS} characters")
    return _KINDS[kind](data)


def modules(symbology: Symbology, data: str) -> str:
    """The bars of complete `data` from left to right: ``1`` is one module of black, ``0`` of white."""
    return _MODULES[symbology](data)


def check_digit(digits: str) -> str:
    """The check digit of EAN and UPC: weights 3 and 1 in turn, from the right."""
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def upc_a_of(upc_e: str) -> str:
    """The eleven digits of UPC-A that seven digits of UPC-E, number system first, stand for."""
    system, digits, last = upc_e[0], upc_e[1:6], upc_e[6]
    match last:
        case "0" | "1" | "2":
            return system + digits[:2] + last + "0000" + digits[2:]
        case "3":
            return system + digits[:3] + "00000" + digits[3:]
        case "4":
            return system + digits[:4] + "00000" + digits[4:]
        case _:
            return system + digits + "0000" + last


# --- what each kind takes ---------------------------------------------------------------------------------------------


def _checked(digits: str, size: int, basis: Callable[[str], str] = str) -> str:
    wanted = check_digit(basis(digits[:size]))
    if digits[size:] not in ("", wanted):
        raise ValueError(f"the check digit of {digits} should be {wanted}")
    return digits[:size] + wanted


def _upc(data: str) -> tuple[Symbology, str]:
    if re.fullmatch(r"[0-9]{11,12}", data):
        return Symbology.UPC_A, _checked(data, 11)
    if re.fullmatch(r"0[0-9]{6,7}", data):
        return Symbology.UPC_E, _checked(data, 7, upc_a_of)
    raise ValueError("upc takes 11 or 12 digits, or 7 or 8 that begin with 0")


def _ean(data: str) -> tuple[Symbology, str]:
    if re.fullmatch(r"[0-9]{12,13}", data):
        return Symbology.EAN13, _checked(data, 12)
    if re.fullmatch(r"[0-9]{7,8}", data):
        return Symbology.EAN8, _checked(data, 7)
    raise ValueError("ean takes 12 or 13 digits, or 7 or 8")


def _taking(symbology: Symbology, pattern: str, sentence: str) -> Callable[[str], tuple[Symbology, str]]:
    def check(data: str) -> tuple[Symbology, str]:
        if not re.fullmatch(pattern, data):
            raise ValueError(f"{symbology} takes {sentence}")
        return symbology, data

    return check


_CAPITALS = r"[0-9A-Z $%+\-./]+"
_KINDS: Mapping[str, Callable[[str], tuple[Symbology, str]]] = {
    "upc": _upc,
    "ean": _ean,
    "jan": _ean,
    "code39": _taking(Symbology.CODE39, _CAPITALS, "digits, capital letters, space and $%+-./"),
    "itf": _taking(Symbology.ITF, r"([0-9]{2})+", "an even number of digits"),
    "codabar": _taking(Symbology.CODABAR, r"[A-D][0-9$+\-./:]+[A-D]", "digits and $+-./: between two of A to D"),
    "code93": _taking(Symbology.CODE93, _CAPITALS, "digits, capital letters, space and $%+-./"),
    "code128": _taking(Symbology.CODE128, r"[ -~]+", "printable ASCII characters"),
}
_KINDS = {**_KINDS, "nw7": _KINDS["codabar"]}
KINDS = tuple(_KINDS)

# --- the bars ---------------------------------------------------------------------------------------------------------


def _ean13(data: str) -> str:
    sides = ean.LEFT_PATTERN[int(data[0])] + "CCCCCC"
    return _ean_bars(data[1:], sides)


def _ean_bars(digits: str, sides: str) -> str:
    bars = [ean.CODES[side][int(digit)] for digit, side in zip(digits, sides, strict=True)]
    half = len(bars) // 2
    return "".join((ean.EDGE, *bars[:half], ean.MIDDLE, *bars[half:], ean.EDGE))


def _upc_e(data: str) -> str:
    bars = (ean.CODES[side][int(digit)] for digit, side in zip(data[1:7], _UPC_E_PARITY[int(data[7])], strict=True))
    return "".join((ean.EDGE, *bars, "010101"))


def _code39(data: str) -> str:
    gap = code39.MIDDLE
    bars: str = gap.join((code39.EDGE, *(code39.MAP[each][1] for each in data), code39.EDGE))
    return bars


def _widths(bars: str) -> str:
    """``N`` and ``n`` are one module, ``W`` and ``w`` three; capitals are black."""
    return "".join(("1" if bar.isupper() else "0") * (3 if bar in "Ww" else 1) for bar in bars)


def _itf(data: str) -> str:
    pairs = zip(data[::2], data[1::2], strict=True)
    bars = (
        black.upper() + white.lower()
        for left, right in pairs
        for black, white in zip(itf.CODES[int(left)], itf.CODES[int(right)], strict=True)
    )
    return _widths("".join((itf.START, *bars, itf.STOP)))


def _codabar(data: str) -> str:
    inner = (codabar.CODES[each] for each in data[1:-1])
    return _widths("n".join((codabar.STARTSTOP[data[0]], *inner, codabar.STARTSTOP[data[-1]])))


def _code93(data: str) -> str:
    values = [_CODE93_ALPHABET.index(each) for each in data]
    for heaviest in (20, 15):
        weighed = (value * (place % heaviest + 1) for place, value in enumerate(reversed(values)))
        values.append(sum(weighed) % 47)
    return "".join((_CODE93_EDGE, *(_CODE93_BARS[9 * value :][:9] for value in values), _CODE93_EDGE, "1"))


def _code128(data: str) -> str:
    """In code set B throughout, as the driver sends it."""
    values = [code128.START_CODES["B"], *(code128.B[each] for each in data)]
    values.append((values[0] + sum(place * value for place, value in enumerate(values))) % 103)
    return "".join((*(code128.CODES[value] for value in values), code128.STOP, "11"))


_MODULES: Mapping[Symbology, Callable[[str], str]] = {
    Symbology.UPC_A: lambda data: _ean_bars(data, "A" * 6 + "C" * 6),
    Symbology.UPC_E: _upc_e,
    Symbology.EAN13: _ean13,
    Symbology.EAN8: lambda data: _ean_bars(data, "A" * 4 + "C" * 4),
    Symbology.CODE39: _code39,
    Symbology.ITF: _itf,
    Symbology.CODABAR: _codabar,
    Symbology.CODE93: _code93,
    Symbology.CODE128: _code128,
}
