"""
A shop whose jobs RQ runs: pushes some of every kind, and is what its worker imports.

    python shop_rq.py URL QUEUE
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta

import redis
from rq import Queue


def hold(seconds: float) -> None:
    """Keep a worker busy."""
    time.sleep(seconds)


if __name__ == "__main__":
    queue = Queue(sys.argv[2], connection=redis.Redis.from_url(sys.argv[1]))
    first = queue.enqueue("shop_rq.hold", 60)
    queue.enqueue("shop_rq.hold", 60)
    queue.enqueue("shop_rq.hold", 60, depends_on=first)
    queue.enqueue_in(timedelta(seconds=1), "shop_rq.hold", 60)
    queue.enqueue_in(timedelta(seconds=1000), "shop_rq.hold", 60)
