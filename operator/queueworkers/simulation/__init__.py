"""
What a pool would have done: queues, workers and time on paper, and the operator's own decision among them.

A simulation is exact about what it has (who waits, who works, who boots, who
leaves) and silent about what it has not (nodes, networks, the job's own
behaviour).  `docs/simulate.md` lists both.  It touches no cluster and no
Redis; whatever is random in it comes from a seed.
"""
