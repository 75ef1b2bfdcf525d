"""What comes in: read from a provider's payload, and written as messages of threads."""
