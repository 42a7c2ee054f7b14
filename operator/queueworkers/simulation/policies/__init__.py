"""The deciders that are compared: the operator itself, and models of what is used instead."""
