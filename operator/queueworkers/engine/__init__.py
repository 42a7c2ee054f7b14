"""The loop that observes, decides and applies."""
