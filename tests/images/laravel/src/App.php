<?php

declare(strict_types=1);

namespace QwpDemo;

use Illuminate\Container\Container;
use Illuminate\Contracts\Cache\Factory as CacheFactory;
use Illuminate\Contracts\Cache\Repository as CacheRepository;
use Illuminate\Contracts\Container\Container as ContainerContract;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Contracts\Events\Dispatcher;
use Illuminate\Contracts\Queue\Factory as QueueFactory;
use Illuminate\Contracts\Redis\Factory as RedisFactory;
use Illuminate\Queue\Worker;
use Illuminate\Support\Facades\Facade;
use RuntimeException;

/** The container, with the few methods of an application that a worker calls. */
final class App extends Container
{
    public function __construct(private readonly string $path)
    {
        self::setInstance($this);
        Facade::setFacadeApplication($this);
        $this->instance('app', $this);
        $this->instance(Container::class, $this);
        $this->alias('app', ContainerContract::class);
        $this->alias('redis', RedisFactory::class);
        $this->instance('config', new Config());
        $this->instance('log', new Log());
        $this->singleton(ExceptionHandler::class, Reporter::class);
        $this->alias('events', Dispatcher::class);
        $this->alias('queue', QueueFactory::class);
        $this->alias('queue.worker', Worker::class);
        $this->alias('cache', CacheFactory::class);
        $this->alias('cache.store', CacheRepository::class);
        $this->markBoot();
    }

    public function basePath(): string
    {
        return $this->path;
    }

    public function storagePath(): string
    {
        return getenv('STORAGE_PATH') ?: '/var/www/storage';
    }

    public function environment(string ...$names): string|bool
    {
        return $names === [] ? 'production' : in_array('production', $names, true);
    }

    public function isDownForMaintenance(): bool
    {
        return is_file($this->storagePath() . '/framework/down');
    }

    public function runningUnitTests(): bool
    {
        return false;
    }

    /**
     * Write to the storage directory, as every Laravel application does when
     * it caches its views or logs a line: one that cannot, cannot work.
     */
    private function markBoot(): void
    {
        $directory = $this->storagePath() . '/framework';
        $mark = $directory . '/booted-' . gethostname();
        if ((! is_dir($directory) && ! @mkdir($directory, 0755, true)) || @touch($mark) === false) {
            throw new RuntimeException("{$directory} is not writable by user " . posix_geteuid());
        }
    }
}
