<?php

return [
    'version' => env('NATIVEPHP_APP_VERSION', '1.0.0'),
    'app_id' => env('NATIVEPHP_APP_ID', 'com.nativephp.app'),
    'provider' => \App\Providers\NativeAppServiceProvider::class,
    'cleanup_env_keys' => ['AWS_*', '*_SECRET'],
    'queue_workers' => [
        'default' => [
            'queues' => ['default', 'mails'],
            'memory_limit' => 128,
            'timeout' => 60,
            'sleep' => 3,
        ],
        'imageResize' => ['queues' => ['images'], 'memory_limit' => 1024, 'timeout' => 300],
    ],
];
