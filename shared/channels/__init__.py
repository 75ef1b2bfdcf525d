"""Text messages and e-mails, in and out: messages of threads that a provider carries."""
