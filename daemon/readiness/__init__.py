"""Whether everything works, tried before opening (三提前)."""
