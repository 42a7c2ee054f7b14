<?php

declare(strict_types=1);

namespace QwpDemo;

use ArrayAccess;
use Illuminate\Contracts\Config\Repository;
use Illuminate\Support\Arr;

/** The configuration of a fresh Laravel 8 application on Redis, from the environment only. */
final class Config implements ArrayAccess, Repository
{
    /** @var array<string, mixed> */
    private array $items;

    public function __construct()
    {
        $this->items = [
            'app' => ['name' => 'Laravel'],
            'queue' => [
                'default' => 'redis',
                'connections' => ['redis' => $this->queue()],
                'failed' => ['driver' => 'null'],
                'batching' => ['database' => null, 'table' => 'job_batches'],
            ],
            'cache' => [
                'default' => self::env('CACHE_DRIVER', 'redis'),
                'prefix' => self::env('CACHE_PREFIX', 'laravel_cache'),
                'stores' => [
                    'redis' => ['driver' => 'redis', 'connection' => 'cache'],
                    'array' => ['driver' => 'array'],
                ],
            ],
            'database' => ['redis' => $this->redis()],
        ];
    }

    /** @return array<string, mixed> */
    private function queue(): array
    {
        return [
            'driver' => 'redis',
            'connection' => 'default',
            'queue' => self::env('REDIS_QUEUE', 'default'),
            'retry_after' => (int) self::env('REDIS_QUEUE_RETRY_AFTER', '90'),
            'block_for' => self::env('REDIS_QUEUE_BLOCK_FOR') === null
                ? null
                : (int) self::env('REDIS_QUEUE_BLOCK_FOR'),
        ];
    }

    /** @return array<string, mixed> */
    private function redis(): array
    {
        $prefix = self::env('REDIS_PREFIX', 'laravel_database_');
        // What the tests look at lies beside the queues, never among them.
        $prefixes = ['default' => $prefix, 'cache' => $prefix, 'ledger' => 'ledger:'];
        $cluster = self::env('REDIS_CLUSTER');
        if ($cluster !== null) {
            return [
                'client' => 'phpredis',
                'options' => ['cluster' => 'redis'],
                'clusters' => array_map(fn (string $each): array => $this->cluster($cluster, $each), $prefixes),
            ];
        }
        $databases = [
            'default' => self::env('REDIS_DB', '0'),
            'cache' => self::env('REDIS_CACHE_DB', '1'),
            'ledger' => self::env('REDIS_LEDGER_DB', self::env('REDIS_DB', '0')),
        ];
        $connections = array_map(
            fn (string $prefix, string $database): array => $this->server() + compact('prefix', 'database'),
            $prefixes,
            $databases,
        );

        return ['client' => 'phpredis', 'options' => []] + array_combine(array_keys($prefixes), $connections);
    }

    /**
     * @param string $nodes Such as 10.0.0.1:7000,10.0.0.2:7000.
     * @return array<int|string, mixed>
     */
    private function cluster(string $nodes, string $prefix): array
    {
        $servers = array_map(static function (string $node): array {
            [$host, $port] = explode(':', $node);

            return ['host' => $host, 'port' => (int) $port];
        }, explode(',', $nodes));

        return $servers + ['options' => ['prefix' => $prefix]];
    }

    /** @return array<string, mixed> */
    private function server(): array
    {
        $password = self::env('REDIS_PASSWORD');
        $username = self::env('REDIS_USERNAME');
        $server = [
            'scheme' => self::env('REDIS_SCHEME', 'tcp'),
            'host' => self::env('REDIS_HOST', '127.0.0.1'),
            'port' => (int) self::env('REDIS_PORT', '6379'),
            'password' => $username === null ? $password : [$username, $password],
            'timeout' => 5.0,
        ];
        $authority = self::env('REDIS_TLS_CA');

        return $authority === null ? $server : $server + ['context' => ['stream' => ['cafile' => $authority]]];
    }

    /** An empty variable is set: an empty prefix means none. */
    private static function env(string $name, ?string $default = null): ?string
    {
        $value = getenv($name);

        return $value === false ? $default : $value;
    }

    public function has($key): bool
    {
        return Arr::has($this->items, $key);
    }

    public function get($key, $default = null): mixed
    {
        return Arr::get($this->items, $key, $default);
    }

    public function all(): array
    {
        return $this->items;
    }

    public function set($key, $value = null): void
    {
        foreach (is_array($key) ? $key : [$key => $value] as $name => $item) {
            Arr::set($this->items, $name, $item);
        }
    }

    public function prepend($key, $value): void
    {
        $this->set($key, [$value, ...$this->get($key, [])]);
    }

    public function push($key, $value): void
    {
        $this->set($key, [...$this->get($key, []), $value]);
    }

    public function offsetExists(mixed $offset): bool
    {
        return $this->has($offset);
    }

    public function offsetGet(mixed $offset): mixed
    {
        return $this->get($offset);
    }

    public function offsetSet(mixed $offset, mixed $value): void
    {
        $this->set($offset, $value);
    }

    public function offsetUnset(mixed $offset): void
    {
        $this->set($offset);
    }
}
