"""Phone lines whose rings are counted."""
