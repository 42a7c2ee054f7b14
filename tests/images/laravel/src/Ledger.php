<?php

declare(strict_types=1);

namespace QwpDemo;

use Illuminate\Contracts\Redis\Factory;

/**
 * What happened to each job, by its identity, in the stream `ledger:events`.
 *
 * The tests ask it whether a job was lost or done twice, so each event is one
 * command that Redis has answered before the job goes on.
 */
final class Ledger
{
    public function __construct(private readonly Factory $redis)
    {
    }

    public function write(string $event, string $identity, string $queue, int $attempt): void
    {
        $this->redis->connection('ledger')->command('xAdd', ['events', '*', [
            'event' => $event,
            'job' => $identity,
            'queue' => $queue,
            'attempt' => (string) $attempt,
            'worker' => (string) gethostname(),
            'pid' => (string) getmypid(),
            'at' => sprintf('%.6f', microtime(true)),
        ]]);
    }

    /** @return list<array<string, string>> */
    public function read(): array
    {
        return array_values($this->redis->connection('ledger')->command('xRange', ['events', '-', '+']) ?: []);
    }
}
