<?php

declare(strict_types=1);

namespace QwpDemo;

use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Queue\InteractsWithQueue;
use RuntimeException;

/** A job that takes its time, fails, gives itself back or grows, as it was asked to. */
final class DemoJob implements ShouldQueue
{
    use InteractsWithQueue;
    use Queueable;

    /** @var list<string> What a leaking job leaves behind in the worker. */
    private static array $leaked = [];

    public function __construct(
        public readonly string $identity,
        private readonly int $milliseconds = 0,
        private readonly int $failTimes = 0,
        private readonly int $releaseTimes = 0,
        private readonly int $releaseDelay = 0,
        private readonly int $leakMegabytes = 0,
    ) {
    }

    public function handle(Ledger $ledger): void
    {
        $attempt = $this->attempts();
        $ledger->write('start', $this->identity, $this->job->getQueue(), $attempt);
        $this->sleep();
        if ($this->leakMegabytes > 0) {
            self::$leaked[] = str_repeat('x', $this->leakMegabytes * 1024 * 1024);
        }
        if ($attempt <= $this->failTimes) {
            $ledger->write('fail', $this->identity, $this->job->getQueue(), $attempt);

            throw new RuntimeException("job {$this->identity} fails on attempt {$attempt}, as it was asked to");
        }
        if ($attempt <= $this->releaseTimes) {
            $ledger->write('release', $this->identity, $this->job->getQueue(), $attempt);
            $this->release($this->releaseDelay);

            return;
        }
        $ledger->write('end', $this->identity, $this->job->getQueue(), $attempt);
    }

    /** Signals interrupt a sleep; the work goes on until its time is over. */
    private function sleep(): void
    {
        $until = microtime(true) + $this->milliseconds / 1000;
        while (($left = $until - microtime(true)) > 0) {
            usleep((int) min(100_000, max(1, $left * 1_000_000)));
        }
    }
}
