<?php
/**
 * Sends messages with Symfony Messenger, and gets them.
 *
 *   php messenger.php PORT send      four messages, one that is due in a second, one much later
 *   php messenger.php PORT get 01    gets as many messages as there are digits, and acknowledges those with a 1
 *
 * As the options of the transport are since Symfony 6, acknowledged entries are deleted.
 */
require '/usr/share/php/Symfony/Component/Messenger/autoload.php';
require '/usr/share/php/Symfony/Component/Messenger/Bridge/Redis/autoload.php';

use Symfony\Component\Messenger\Bridge\Redis\Transport\RedisTransportFactory;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Transport\Serialization\PhpSerializer;

[, $port, $action, $rest] = array_pad($argv, 4, '');
$transport = (new RedisTransportFactory())->createTransport(
    "redis://127.0.0.1:$port/messages/symfony",
    ['consumer' => 'worker-' . getmypid(), 'delete_after_ack' => true],
    new PhpSerializer()
);

if ($action === 'send') {
    foreach ([[], [], [], [], [new DelayStamp(1000)], [new DelayStamp(1000000)]] as $stamps) {
        $transport->send(new Envelope(new stdClass(), $stamps));
    }
} else {
    $messages = [];
    foreach (str_split($rest) as $ignored) {
        array_push($messages, ...$transport->get());
    }
    foreach ($messages as $number => $message) {
        if ($rest[$number] === '1') $transport->ack($message);
    }
    echo count($messages);
}
