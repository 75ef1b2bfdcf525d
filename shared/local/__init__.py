"""The template of the top level running on this machine; nothing here is deployed."""
