"""Links: where a device is plugged, as a URL, apart from what it does."""
