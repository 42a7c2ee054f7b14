"""Every scenario under every policy, and the page that tells what came of it: `make bench-decisions`."""
