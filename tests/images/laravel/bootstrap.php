<?php

/*
 * A Laravel application without the laravel/laravel skeleton: Debian ships the
 * framework's components as packages, and this file does what the skeleton and
 * the Foundation component would do for a queue worker.
 */

declare(strict_types=1);

namespace QwpDemo;

use Illuminate\Bus\BusServiceProvider;
use Illuminate\Cache\CacheServiceProvider;
use Illuminate\Events\EventServiceProvider;
use Illuminate\Queue\Console\ClearCommand;
use Illuminate\Queue\Console\MonitorCommand;
use Illuminate\Queue\Console\RestartCommand;
use Illuminate\Queue\Console\WorkCommand;
use Illuminate\Queue\QueueServiceProvider;
use Illuminate\Redis\RedisServiceProvider;

// Illuminate 8 is older than PHP 8.2, which says so with a notice per class.
error_reporting(E_ALL & ~E_DEPRECATED & ~E_USER_DEPRECATED);
ini_set('display_errors', 'stderr');
ini_set('log_errors', '0');
date_default_timezone_set('UTC');

foreach (['Bus', 'Cache', 'Console', 'Container', 'Encryption', 'Events', 'Queue', 'Redis'] as $component) {
    require_once "Illuminate/{$component}/autoload.php";
}

spl_autoload_register(static function (string $class): void {
    $file = __DIR__ . '/src/' . substr($class, strlen(__NAMESPACE__) + 1) . '.php';
    if (str_starts_with($class, __NAMESPACE__ . '\\') && is_file($file)) {
        require $file;
    }
});

/** Illuminate's console, with its own queue commands and ours. */
function console(App $app): Console
{
    foreach (
        [
            EventServiceProvider::class,
            RedisServiceProvider::class,
            CacheServiceProvider::class,
            BusServiceProvider::class,
            QueueServiceProvider::class,
        ] as $provider
    ) {
        (new $provider($app))->register();
    }
    $console = new Console($app, $app['events'], '8.83');
    $console->resolveCommands([
        WorkCommand::class,
        RestartCommand::class,
        ClearCommand::class,
        MonitorCommand::class,
        PushCommand::class,
        PushPlanCommand::class,
        LedgerCommand::class,
        SizeCommand::class,
    ]);

    return $console;
}
