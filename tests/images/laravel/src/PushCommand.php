<?php

declare(strict_types=1);

namespace QwpDemo;

use Illuminate\Console\Command;
use Illuminate\Contracts\Queue\Factory;

final class PushCommand extends Command
{
    protected $signature = 'demo:push {count=1 : How many jobs}
        {--queue=default : Where to}
        {--delay=0 : Seconds to hold each back}
        {--milliseconds=0 : How long each takes}
        {--fail-times=0 : How many attempts fail before one succeeds}
        {--release-times=0 : How many attempts give the job back}
        {--release-delay=0 : Seconds until a job given back is due}
        {--leak-mb=0 : Memory that each leaves behind in its worker}
        {--prefix-id=job : Jobs are called PREFIX-1, PREFIX-2, …}';

    protected $description = 'Push jobs that do what they are told';

    public function handle(Factory $queues): int
    {
        $queue = $queues->connection();
        $delay = (int) $this->option('delay');
        for ($number = 1; $number <= (int) $this->argument('count'); $number++) {
            $job = new DemoJob(
                identity: $this->option('prefix-id') . '-' . $number,
                milliseconds: (int) $this->option('milliseconds'),
                failTimes: (int) $this->option('fail-times'),
                releaseTimes: (int) $this->option('release-times'),
                releaseDelay: (int) $this->option('release-delay'),
                leakMegabytes: (int) $this->option('leak-mb'),
            );
            $delay > 0
                ? $queue->later($delay, $job, '', $this->option('queue'))
                : $queue->push($job, '', $this->option('queue'));
        }
        $this->line("Pushed {$this->argument('count')} jobs to {$this->option('queue')}");

        return self::SUCCESS;
    }
}
