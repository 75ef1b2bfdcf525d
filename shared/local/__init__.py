"""Running the whole service on this machine, and tools for operators; nothing here is deployed."""
