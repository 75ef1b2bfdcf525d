"""How what is deployed is made; nothing here is deployed."""
