"""What very many pools cost one operator: to start over, to hold, and to follow."""
