<?php

declare(strict_types=1);

namespace QwpDemo;

use Illuminate\Console\Command;
use Illuminate\Contracts\Queue\Factory;

final class SizeCommand extends Command
{
    protected $signature = 'demo:size {queue*}';

    protected $description = "Print each queue's size as Laravel counts it, in one JSON object";

    public function handle(Factory $queues): int
    {
        $sizes = [];
        foreach ($this->argument('queue') as $queue) {
            $sizes[$queue] = $queues->connection()->size($queue);
        }
        $this->line(json_encode($sizes, JSON_THROW_ON_ERROR));

        return self::SUCCESS;
    }
}
