"""Pools of PHP queue workers, run and scaled on Kubernetes."""
