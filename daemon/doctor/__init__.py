"""``kioskd doctor``: why something does not work, and what to type. It changes nothing, and needs no root."""
