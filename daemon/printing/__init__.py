"""Slips on their way to paper, and what became of each."""
