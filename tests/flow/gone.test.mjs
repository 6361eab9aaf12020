// A client that leaves stops the call to Gemini, whenever it leaves, and no key is blamed.
//
// Lesson #57.

import { assert, deferred, flow, PER_MINUTE, piece } from './harness.mjs';

const ONE = { 'server.workers': 1 };

/** Hangs at first; whoever comes with "quick" in the body is answered. */
function hangsBut(gemini, deed = () => {}) {
  gemini.anyone.does((asked) =>
    asked.body.includes('quick')
      ? asked.whole(200, piece('Hello', { finish: 'STOP' }))
      : deed(asked),
  );
}

/** The worker has one loop: what it has not done before it answered someone later, it forgot. */
async function isGivenUpBefore(pollux, upstream, what) {
  assert.equal((await pollux.chat('quick')).text, 'Hello');
  assert.ok(upstream.isAborted, `${what}: the upstream call runs on`);
}

const MOMENTS = {
  'while Gemini thinks': [{}, () => {}],
  'while a stream has not begun': [{ stream: true }, () => {}],
  'in the middle of an answer': [
    {},
    async (asked) => {
      await asked.begin();
      await asked.chunk('{"candidates":[');
    },
  ],
  'when a stream has its head only': [{ stream: true }, (asked) => asked.begin()],
};

for (const [moment, [fields, deed]] of Object.entries(MOMENTS)) {
  flow(`a client leaves ${moment}`, async (t) => {
    const gemini = await t.gemini();
    hangsBut(gemini, deed);
    const pollux = await t.pollux(ONE);

    for (const leave of ['destroy', 'resetAndDestroy', 'end']) {
      const n = gemini.asked + 1;
      const raw = await pollux.dial();
      await raw.send(pollux.chatBytes('hi', fields));
      const upstream = await gemini.request(n);
      raw.socket[leave]();
      await isGivenUpBefore(pollux, upstream, leave);
    }
    const k1 = await pollux.key('k1');
    assert.deepEqual([k1.failures, k1.frozen, k1.state], [0, false, 'enabled']);
    await pollux.counted('exchanges', (n) => n <= 1);
    await pollux.counted('fetches', (n) => n === 0);
  });
}

flow('a client leaves in the middle of a stream', async (t) => {
  const gemini = await t.gemini();
  hangsBut(gemini, async (asked) => {
    await asked.begin();
    await asked.event(piece('one'));
  });
  const pollux = await t.pollux(ONE);

  for (const leave of ['destroy', 'resetAndDestroy', 'end']) {
    for (const stream of [
      pollux.chatBytes('hi', { stream: true }),
      pollux.chatBytes('hi', {}, '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse'),
    ]) {
      const raw = await pollux.dial();
      await raw.send(stream);
      await raw.until(/one/);
      const upstream = gemini.last;
      raw.socket[leave]();
      await isGivenUpBefore(pollux, upstream, leave);
    }
  }
  assert.equal((await pollux.key('k1')).failures, 0);
  await pollux.counted('streams', (n) => n === 0);
});

/* The edge of epoll is consumed with the request's bytes: it must be remembered. */
flow('a client leaves in the same breath as it asks', async (t) => {
  const gemini = await t.gemini();
  hangsBut(gemini);
  const pollux = await t.pollux(ONE);
  const worker = pollux.worker(0);

  for (const fields of [{}, { stream: true }]) {
    for (const isFirst of [true, false]) {
      const raw = await pollux.dial();
      if (!isFirst) {
        await raw.send(pollux.chatBytes('quick'));
        await raw.until(/Hello/);
      }
      process.kill(worker, 'SIGSTOP'); // so that both are there when it looks
      await raw.send(pollux.chatBytes('hi', fields));
      await new Promise((resolve) => raw.socket.end(resolve));
      process.kill(worker, 'SIGCONT');
      assert.equal((await pollux.chat('quick')).text, 'Hello');
      await pollux.counted('exchanges', (n) => n === 1); // the one that asks
      await pollux.counted('fetches', (n) => n === 0);
      assert.equal(gemini.underWay, 0);
      raw.leave();
    }
  }
});

flow('a client leaves while its request waits for a thaw', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: PER_MINUTE, retryDelay: '20s' });
  const pollux = await t.pollux({ ...ONE, 'queue.max_wait': '60s' });
  const raw = await pollux.dial();
  await raw.send(pollux.chatBytes('hi', {}));
  await gemini.request(1);
  await pollux.counted('fetches', (n) => n === 0);

  raw.leave();

  await pollux.counted('clients_gone', (n) => n === 1);
  assert.equal((await pollux.counts()).exchanges, 1, 'only the one who asks is left');
  assert.equal(gemini.asked, 1);
});

flow('a client leaves before its request is whole', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ ...ONE, 'server.header_timeout': '1s' });
  const whole = pollux.chatBytes('hi', {});
  const cuts = Array.from({ length: 40 }, (_, i) => Math.floor((i * (whole.length - 1)) / 40));

  for (const at of cuts) {
    const raw = await pollux.dial();
    if (at) await raw.send(whole.slice(0, at));
    raw.socket[at % 2 ? 'destroy' : 'end']();
  }

  assert.equal((await pollux.chat('hi')).text, 'Hello');
  assert.equal(gemini.asked, 1);
  await pollux.counted('connections', (n) => n <= 1);
  await pollux.counted('exchanges', (n) => n <= 1);
});

flow('a hundred clients leave at once', async (t) => {
  const gemini = await t.gemini();
  hangsBut(gemini, async (asked) => {
    if (!asked.streams) return;
    await asked.begin();
    await asked.event(piece('one'));
  });
  const pollux = await t.pollux();
  const raws = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const raw = await pollux.dial();
      await raw.send(pollux.chatBytes('hi', { stream: i % 2 === 0 }));
      if (i % 2 === 0) await raw.until(/one/);
      return raw;
    }),
  );
  await gemini.request(100);

  for (const raw of raws) raw.leave();

  for (const upstream of gemini.requests) await upstream.aborted();
  const counts = await pollux.counted('fetches', (n) => n === 0);
  assert.equal(counts.streams, 0);
  assert.equal((await pollux.key('k1')).failures, 0);
  assert.equal((await pollux.chat('quick')).text, 'Hello');
});

flow('one that leaves does not take others on its key along', async (t) => {
  const gemini = await t.gemini();
  const more = deferred();
  gemini.anyone.does(async (asked) => {
    await asked.begin();
    await asked.event(piece('one '));
    await more.promise;
    await asked.event(piece('two', { finish: 'STOP' }));
    await asked.end();
  });
  const pollux = await t.pollux(ONE);
  const [leaves, stays] = [
    await pollux.openChat('a', { stream: true }),
    await pollux.openChat('b', { stream: true }),
  ];
  await leaves.until('one');
  await stays.until('one');

  leaves.leave();
  await gemini.requests[0].aborted();
  more.resolve();

  await stays.until('[DONE]');
  await stays.until('two');
});
