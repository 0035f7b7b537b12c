"""The devices: bytes on a wire, one folder for each kind. Knows nothing of MQTT, tickets or halls."""
