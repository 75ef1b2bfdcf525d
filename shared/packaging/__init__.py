"""Building of the deployed code and its dependencies; nothing here is deployed."""
