"""Call-number LED displays."""
