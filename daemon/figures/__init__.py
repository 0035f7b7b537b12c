"""What the days come to."""
