"""What somebody should know, and since when."""
