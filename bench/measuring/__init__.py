"""What benchmarks share: making many pools, starting a metered operator, and telling figures."""
