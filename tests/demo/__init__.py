"""The demonstration: a pool that sleeps, wakes, works, is restarted and sleeps again, on a real cluster."""
