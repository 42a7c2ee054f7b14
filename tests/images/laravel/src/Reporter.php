<?php

declare(strict_types=1);

namespace QwpDemo;

use Illuminate\Contracts\Debug\ExceptionHandler;
use Throwable;

/** Exceptions go to standard error in one line each, as a container's log wants them. */
final class Reporter implements ExceptionHandler
{
    public function report(Throwable $e): void
    {
        fwrite(STDERR, sprintf("[%s] ERROR %s: %s\n", date('Y-m-d H:i:s'), $e::class, $e->getMessage()));
    }

    public function shouldReport(Throwable $e): bool
    {
        return true;
    }

    public function render($request, Throwable $e): never
    {
        throw $e;
    }

    public function renderForConsole($output, Throwable $e): void
    {
        $this->report($e);
    }
}
