<?php

declare(strict_types=1);

namespace QwpDemo;

use Illuminate\Console\Command;
use Illuminate\Contracts\Queue\Factory;

/** Jobs that are each different, thousands at a time: one line of JSON for each, on standard input. */
final class PushPlanCommand extends Command
{
    /** Jobs in one transaction, which workers see all at once or not at all. */
    private const CHUNK = 200;

    protected $signature = 'demo:push-plan';

    protected $description = 'Push the jobs that standard input describes, one JSON object a line';

    public function handle(Factory $queues): int
    {
        $queue = $queues->connection();
        $waiting = [];
        $count = 0;
        while (($line = fgets(STDIN)) !== false) {
            $planned = json_decode($line, true, 2, JSON_THROW_ON_ERROR);
            $name = $planned['queue'];
            if ($planned['delay_seconds'] > 0) {
                // Laravel 8 forgets a job's delay in bulk().
                $queue->later($planned['delay_seconds'], self::job($planned), '', $name);
            } else {
                $waiting[$name][] = self::job($planned);
            }
            if (count($waiting[$name] ?? []) === self::CHUNK) {
                $queue->bulk($waiting[$name], '', $name);
                unset($waiting[$name]);
            }
            $count++;
        }
        foreach ($waiting as $name => $jobs) {
            $queue->bulk($jobs, '', $name);
        }
        $this->line("Pushed {$count} jobs");

        return self::SUCCESS;
    }

    /** @param array<string, int|string> $planned */
    private static function job(array $planned): DemoJob
    {
        return new DemoJob(
            identity: $planned['job'],
            milliseconds: $planned['milliseconds'],
            failTimes: $planned['failures'],
            releaseTimes: $planned['releases'],
            releaseDelay: $planned['release_delay_seconds'],
        );
    }
}
