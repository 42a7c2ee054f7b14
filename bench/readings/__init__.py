"""What it costs to read very many queues."""
