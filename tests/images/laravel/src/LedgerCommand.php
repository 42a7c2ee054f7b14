<?php

declare(strict_types=1);

namespace QwpDemo;

use Illuminate\Console\Command;

final class LedgerCommand extends Command
{
    protected $signature = 'demo:ledger';

    protected $description = 'Print what happened to the jobs, one JSON object a line';

    public function handle(Ledger $ledger): int
    {
        foreach ($ledger->read() as $event) {
            $this->line(json_encode($event, JSON_THROW_ON_ERROR));
        }

        return self::SUCCESS;
    }
}
