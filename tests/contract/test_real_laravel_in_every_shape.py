"""Laravel's own queue on phpredis, standalone, on the master of Sentinels and on a cluster, counted as it counts itself."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from contract.asking import counts, observe_one, pool, reading_at
from harness.php import laravel_rootfs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract.conftest import Checked
    from contract.topologies import Topology

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")

PREFIX = "laravel_database_"
VERSION = (8, 83)

# One step for each line of its standard input, and after each the number of jobs that Laravel counts.
APPLICATION = """
error_reporting(E_ALL & ~E_DEPRECATED & ~E_USER_DEPRECATED);
foreach (['Container', 'Queue', 'Redis'] as $component) require_once "Illuminate/$component/autoload.php";
$app = new Illuminate\\Container\\Container;
$redis = new Illuminate\\Redis\\RedisManager($app, 'phpredis', json_decode(getenv('REDIS_CONFIG'), true));
$queue = new Illuminate\\Queue\\RedisQueue($redis, getenv('REDIS_QUEUE'), 'default', 90);
$queue->setContainer($app);
$queue->setConnectionName('redis');
while (($step = fgets(STDIN)) !== false) {
    match (trim($step)) {
        'push' => $queue->push('Job@fire', ['n' => 1]),
        'push for later' => $queue->later(3600, 'Job@fire', ['n' => 2]),
        'push for now' => $queue->later(-5, 'Job@fire', ['n' => 3]),
        'pop' => $job = $queue->pop(),
        'release' => $job->release(3600),
        'delete' => $job->delete(),
    };
    echo $queue->size(), PHP_EOL;
}
"""

STEPS = [
    ("push", (1, 0, 0, 0, 0)),
    ("push", (2, 0, 0, 0, 0)),
    ("push for later", (2, 1, 0, 0, 0)),
    ("push for now", (2, 2, 1, 0, 0)),
    ("pop", (2, 1, 0, 1, 0)),
    ("release", (2, 2, 0, 0, 0)),
    ("pop", (1, 2, 0, 1, 0)),
    ("delete", (1, 2, 0, 0, 0)),
]
"""What the application does, and (ready, delayed, due, reserved, expired) after it."""


def redis_config(topology: Topology) -> dict[str, Any]:
    """Write `database.redis` of config/database.php."""
    options = {"prefix": PREFIX}
    match topology.name:
        case "cluster":
            nodes = [{"host": each.host, "port": each.port} for each in topology.client.get_nodes()]
            return {"options": {**options, "cluster": "redis"}, "clusters": {"default": nodes}}
        case "sentinel":
            # What a package for Sentinels finds out; Laravel itself knows none with phpredis.
            host, port = topology.client.connection_pool.get_master_address()
        case _:
            address = topology.client.connection_pool.connection_kwargs
            host, port = address["host"], address["port"]
    return {"options": options, "default": {"host": host, "port": port, "database": 0}}


@pytest.fixture
def application(topology: Topology) -> Iterator[subprocess.Popen[str]]:
    """The application, which does a step for each line that it is given."""
    topology.flush()
    env = {
        "PATH": os.environ["PATH"],
        "REDIS_CONFIG": json.dumps(redis_config(topology)),
        "REDIS_QUEUE": queue_of(topology),
    }
    with subprocess.Popen(
        ["chroot", str(laravel_rootfs()), "/usr/bin/php", "-r", APPLICATION],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as running:
        yield running
        running.kill()
    topology.flush()


def queue_of(topology: Topology) -> str:
    """How the application names its queue: on a cluster in braces, as this version needs it."""
    return "{default}" if topology.clustered else "default"


async def test_every_step_is_counted_as_laravel_counts_it(
    topology: Topology, application: subprocess.Popen[str], checked: Checked
) -> None:
    """The sum is Laravel's own `size()`, and each part is where the step has put the jobs."""
    assert application.stdin
    assert application.stdout
    queue = queue_of(topology)
    request = pool(prefix=PREFIX, version=VERSION, clustered=topology.clustered, queues=(queue,))
    async with reading_at(topology.endpoint) as reader:
        for step, expected in STEPS:
            application.stdin.write(f"{step}\n")
            counted = int(application.stdout.readline())
            ready, delayed, _, reserved, _ = read = counts(await observe_one(reader, request))[queue]
            assert read == expected, step
            assert counted == ready + delayed + reserved
    checked("Laravel", "8.83 itself", topology.name, len(STEPS), server=topology.server)
