"""Satisfaction-rating panels."""
