<?php

use Illuminate\Support\Str;

return [

    /*
    |--------------------------------------------------------------------------
    | Horizon Domain
    |--------------------------------------------------------------------------
    */

    'domain' => env('HORIZON_DOMAIN'),
    'path' => env('HORIZON_PATH', 'horizon'),
    'use' => 'default',
    'prefix' => env(
        'HORIZON_PREFIX',
        Str::slug(env('APP_NAME', 'laravel'), '_').'_horizon:'
    ),
    'middleware' => ['web'],
    'waits' => [
        'redis:default' => 60,
        'redis:payments' => 15,
    ],
    'trim' => [
        'recent' => 60,
        'failed' => 60 * 24 * 7, // a week
    ],
    'silenced' => [
        // App\Jobs\ExampleJob::class,
    ],
    'fast_termination' => false,
    'memory_limit' => 64,

    'defaults' => [
        'supervisor-1' => [
            'connection' => 'redis',
            'queue' => ['default'],
            'balance' => 'auto',
            'autoScalingStrategy' => 'time',
            'maxProcesses' => 1,
            'maxTime' => 0,
            'maxJobs' => 0,
            'memory' => 128,
            'tries' => 1,
            'timeout' => 60,
            'nice' => 0,
        ],
    ],

    'environments' => [
        'production' => [
            'supervisor-1' => [
                'maxProcesses' => 10,
                'balanceMaxShift' => 1,
                'balanceCooldown' => 3,
            ],
            'payments' => [ # a team of their own
                'connection' => env('PAYMENTS_CONNECTION', 'redis'),
                'queue' => ['payments', "refunds"],
                'balance' => 'auto',
                'min_processes' => 2,
                'max_processes' => (int) env('PAYMENTS_MAX', '12'),
                'backoff' => [10, 60, 5 * 60],
                'timeout' => 15 * 60,
                'tries' => 3,
            ],
            'reports' => array(
                'queue' => 'reports,exports',
                'balance' => false,
                'maxProcesses' => 4,
                'memory' => config('app.report_memory'),
                'nice' => 10,
                'force' => true,
            ),
        ],

        'local' => [
            'supervisor-1' => [
                'maxProcesses' => 3,
            ],
        ],
    ],
];
