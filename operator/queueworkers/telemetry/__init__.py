"""What monitoring is told of the pools and of the operator itself: metrics, liveness, readiness."""
