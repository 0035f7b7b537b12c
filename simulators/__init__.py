"""The other side of each device, and the bench: a web page over them."""
