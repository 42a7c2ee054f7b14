"""
A shop whose tasks Celery runs: pushes tasks, and is what its worker imports.

    python shop_celery.py push COUNT [PRIORITY]      CELERY_BROKER_URL names the broker
"""

from __future__ import annotations

import os
import sys
import time

from celery import Celery

app = Celery("shop", broker=os.environ["CELERY_BROKER_URL"])
app.conf.update(
    task_acks_late=True,
    broker_transport_options={"global_keyprefix": os.environ.get("KEY_PREFIX", "")},
)


@app.task
def hold(seconds: float) -> None:
    """Keep a worker busy."""
    time.sleep(seconds)


if __name__ == "__main__":
    _, _, count, *priority = sys.argv
    for _ in range(int(count)):
        app.signature("shop_celery.hold", (60,)).apply_async(priority=int(priority[0]) if priority else None)
