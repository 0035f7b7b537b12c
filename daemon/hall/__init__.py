"""The hall: its counters and services, and what each command does to them."""
