"""What it costs to know 30,000 queues, by being told and by looking."""
