"""What a scrape of very many pools costs."""
