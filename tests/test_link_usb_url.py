"""How a USB printer is named in a configuration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.link.catalog import SCHEMES
from drivers.link.url import LinkUrlError, parse_link
from drivers.link.usb import UsbOptions, usb_options


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("usb://0416:5011", UsbOptions(0x0416, 0x5011)),
        ("usb://04b8:0e15?path=1-1.2", UsbOptions(0x04B8, 0x0E15, path="1-1.2")),
        ("usb://ffff:ffff?serial=A+1%20/2", UsbOptions(0xFFFF, 0xFFFF, "A 1 /2")),
        ("usb://ffff:ffff?serial=A&path=12-3.4.5.6.7.8.9", UsbOptions(0xFFFF, 0xFFFF, "A", "12-3.4.5.6.7.8.9")),
    ],
)
def test_a_device_is_named_by_vendor_and_product(text: str, options: UsbOptions) -> None:
    link = parse_link(text)
    assert usb_options(link) == options
    assert parse_link(str(link)) == link
    assert str(link).startswith(text.partition("?")[0])


def test_hexadecimal_letters_may_be_large() -> None:
    assert parse_link("usb://04B8:0E15") == parse_link("usb://04b8:0e15")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("usb://", "expected usb://VENDOR:PRODUCT"),
        ("usb:///dev/usb/lp0", "expected usb://VENDOR:PRODUCT"),
        ("usb://0416", "four hexadecimal digits each"),
        ("usb://416:5011", "four hexadecimal digits each"),
        ("usb://0416:501g", "four hexadecimal digits each"),
        ("usb://0x0416:0x5011", "four hexadecimal digits each"),
        ("usb://0416:5011/x", "expected usb://VENDOR:PRODUCT"),
        ("usb://0416:5011?path=", "such as 1-1.2"),
        ("usb://0416:5011?path=1.2", "such as 1-1.2"),
        ("usb://0416:5011?path=0-1", "such as 1-1.2"),
        ("usb://0416:5011?path=1-1.2.3.4.5.6.7.8", "such as 1-1.2"),
        ("usb://0416:5011?serial=", "leave it out for any"),
        ("usb://0416:5011?baud=9600", "no option 'baud' \\(known: serial, path\\)"),
        ("file://dev/usb/lp0", "three slashes"),
        ("file:///", "three slashes"),
        ("file:///dev/usb/lp0?baud=9600", "no option 'baud'"),
    ],
)
def test_a_wrong_url_says_what_was_expected(text: str, expected: str) -> None:
    link = parse_link(text)
    with pytest.raises(LinkUrlError, match=expected):
        SCHEMES[link.scheme][1](link)


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=12))
def test_any_name_is_a_link_or_a_named_error(name: str) -> None:
    try:
        link = parse_link(f"usb://{name}")
        usb_options(link)
    except LinkUrlError:
        return
    assert parse_link(str(link)) == link
