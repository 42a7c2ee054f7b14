"""How long Hypothesis may look: the properties belong to the fast loop."""

from __future__ import annotations

from hypothesis import settings

# No deadline: how fast a busy machine is tells nothing about the operator.
settings.register_profile("fast-loop", settings.get_profile("busy-machine"), max_examples=60)
settings.load_profile("fast-loop")
