"""Pools of PHP queue workers, run and scaled on Kubernetes."""

__version__ = "0.1.0"
