// Pushes jobs with BullMQ, and takes them.
//
//   node client.mjs PORT push QUEUE     two plain jobs, one with a priority, one due in a second, one much later
//   node client.mjs PORT pause QUEUE    pauses the queue
//   node client.mjs PORT work QUEUE     takes one job and holds it
//
// MODULE names another release than the newest: bullmq5.
const { Queue, Worker } = await import(process.env.MODULE ?? 'bullmq');

const [port, action, name] = process.argv.slice(2);
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };

if (action === 'work') {
  new Worker(name, () => new Promise(() => {}), { connection });
} else {
  const queue = new Queue(name, { connection });
  if (action === 'pause') {
    await queue.pause();
  } else {
    await queue.add('plain', {});
    await queue.add('plain', {});
    await queue.add('urgent', {}, { priority: 3 });
    await queue.add('soon', {}, { delay: 1000 });
    await queue.add('later', {}, { delay: 1_000_000 });
  }
  await queue.close();
}
