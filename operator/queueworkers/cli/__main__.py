"""Run `qwp` from a folder of sources: `python -m queueworkers.cli`."""

from queueworkers.cli import main

main()
