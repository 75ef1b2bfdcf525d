"""Incoming messages: read from a provider's payload, and written as messages of threads."""
