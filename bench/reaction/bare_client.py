"""
The least that there is between a push and more workers: ``python -m reaction.bare_client``.

It asks Redis for the same push messages as the operator, knows no pools, decides nothing, and for each
message asks for one worker more than none. What it takes is the floor beneath any operator in Python.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from reaction.sightings import ApiServer, Target

READY = "follows"


async def main(kubeconfig: Path, target: Target, replicas: int, host: str, port: int, key: str) -> None:
    """Ask for workers whenever *key* changes, until ended."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"HELLO 3\r\nCLIENT TRACKING ON BCAST PREFIX {key}\r\n".encode())
    async with ApiServer(kubeconfig) as server:
        await server.get(target.path)  # so that the connection is there, as an operator's is
        print(READY, flush=True)
        while line := await reader.readline():
            # The key is the last line of a message, as {"invalidate", [key]} is written.
            if line.rstrip() == key.encode():
                await server.scale(target, replicas)


if __name__ == "__main__":
    file, namespace, name, wanted, host_name, port_number, redis_key = sys.argv[1:]
    asyncio.run(
        main(Path(file), Target(namespace, name), int(wanted), host_name, int(port_number), redis_key)
    )
