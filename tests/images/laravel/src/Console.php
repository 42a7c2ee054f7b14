<?php

declare(strict_types=1);

namespace QwpDemo;

use Illuminate\Console\Application;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;
use Throwable;

/** The console, ending with 1 after an uncaught exception, as Foundation's kernel does. */
final class Console extends Application
{
    public function run(InputInterface $input = null, OutputInterface $output = null): int
    {
        try {
            return parent::run($input, $output);
        } catch (Throwable $e) {
            $this->laravel[ExceptionHandler::class]->report($e);

            return 1;
        }
    }
}
