"""The process: what to do, when, and whom to tell."""

__version__ = "0.1.0"
