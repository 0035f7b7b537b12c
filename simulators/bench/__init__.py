"""The bench: a whole counter hall without hardware, on one web page. Nothing here runs in production."""
