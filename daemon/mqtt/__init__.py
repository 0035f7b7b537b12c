"""The kiosk's session with its broker, and what goes over it."""
