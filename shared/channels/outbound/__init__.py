"""Outgoing messages: found among the changes, sent by a provider, and followed by its receipts."""
