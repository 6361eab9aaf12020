// Requests wait for a key that will be free in time, and are told at once when none will be.
//
// The client that leaves while it waits: gone.  What the refusal says: retries.  A minute of
// requests is longer than a story; tests/long waits for it.

import { assert, deferred, flow, PER_DAY, PER_MINUTE, piece } from './harness.mjs';

const ORDER = { 'pool.pick': 'order', 'pool.affinity': 'no' };
const minute = (retryDelay) => ({ quotaId: PER_MINUTE, quotaValue: '1000', retryDelay });

/** The first request was refused, and waits for the thaw. */
async function firstWaits(pollux, gemini) {
  await gemini.request(1);
  await pollux.counted('fetches', (n) => n === 0);
}

flow('all who wait for one thaw are answered after it', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1'], 'server.workers': 3 });
  gemini.for('k1').answers(429, minute('1s')).behaves();
  const answers = [pollux.chat('hi')];
  await firstWaits(pollux, gemini);

  for (let i = 0; i < 30; i++) answers.push(pollux.chat('hi'));

  for (const answer of answers) assert.equal((await answer).text, 'Hello');
  assert.equal(gemini.asked, 32);
  const { waits, attempts } = await pollux.explained(await answers[0]);
  assert.ok(waits >= 1);
  assert.deepEqual(
    attempts.map((a) => a.outcome),
    ['minute-quota', 'ok'],
  );
});

flow('a request of the other key goes on meanwhile', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, minute('1s')).behaves();
  gemini.for('k2').answers(429, minute('100s')).behaves();
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER });

  const answer = await pollux.chat('hi');

  assert.equal(answer.text, 'Hello');
  assert.deepEqual(gemini.askers(['k1', 'k2']), ['k1', 'k2', 'k1'], 'the first that is free');
  const { attempts, waits } = await pollux.explained(answer);
  assert.deepEqual(
    attempts.map((a) => a.outcome),
    ['minute-quota', 'minute-quota', 'ok'],
  );
  assert.equal(waits, 1);
});

flow('a thaw behind queue.max_wait is not waited for, and is told honestly', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, minute('45s'));
  gemini.for('k2').answers(429, minute('20s'));
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER, 'queue.max_wait': '5s' });
  await pollux.chat('hi');

  const answer = await pollux.chat('hi');

  assert.deepEqual([answer.status, answer.error.code], [429, 'rate_limit_exceeded']);
  const ms = Number(answer.headers['retry-after-ms']);
  const { frozen_for_s: left } = await pollux.key('k2');
  assert.ok(ms > 1000 * (left - 2) && ms <= 20_100, `${ms} ms; it is frozen for ${left} s`);
  assert.equal(gemini.asked, 2);
  const { attempts, passed_over: passed } = await pollux.explained(answer);
  assert.equal(attempts[0].credential, null);
  assert.deepEqual(
    passed.map((p) => [p.why, p.cause]),
    [
      ['frozen', 'minute-quota'],
      ['frozen', 'minute-quota'],
    ],
  );
});

flow("a thaw behind the request's own deadline is not waited for either", async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, minute('20s'));
  const pollux = await t.pollux({ keys: ['k1'], 'queue.max_wait': '60s' });

  const native = await pollux.native(
    'generateContent',
    {},
    { headers: { 'x-server-timeout': '3' } },
  );

  assert.equal(native.status, 429);
  assert.equal(native.json.error.status, 'RESOURCE_EXHAUSTED');
  assert.match(native.json.error.details[0].retryDelay, /^(1\d|20)s$/);
  assert.equal(gemini.asked, 1);
});

flow("nobody waits for a day's end, nor for a key that was refused for good", async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: PER_DAY });
  gemini.for('k2').answers(403, { reason: 'SERVICE_DISABLED' });
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER, 'queue.max_wait': '10m' });

  for (let i = 0; i < 3; i++) {
    const answer = await pollux.chat('hi');
    assert.deepEqual([answer.status, answer.error.code], [429, 'insufficient_quota']);
  }
  assert.equal(gemini.asked, 2);
});

flow('of those that waited and left nothing is lent', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, minute('4s')).behaves();
  const pollux = await t.pollux({ keys: ['k1'], 'server.workers': 1, 'queue.max_wait': '60s' });
  const waiting = [];
  for (let i = 0; i < 10; i++) {
    const raw = await pollux.dial();
    await raw.send(pollux.chatBytes('hi'));
    waiting.push(raw);
    if (i === 0) await firstWaits(pollux, gemini);
  }
  await pollux.counted('exchanges', (n) => n === 11); // with the one that asks
  await pollux.counted('fetches', (n) => n === 0);
  const { attempts } = await pollux.counts();

  for (const raw of waiting) raw.leave();
  await pollux.counted('clients_gone', (n) => n === 10);

  assert.equal((await pollux.chat('hi')).text, 'Hello', 'who stays gets what thaws');
  assert.equal(gemini.asked, 2);
  const after = await pollux.counts();
  assert.equal(after.attempts, attempts + 1);
  assert.equal((await pollux.key('k1')).in_flight, 0);
});

flow('who waits for a place is not kept from one that is free', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, minute('100s')).behaves();
  const pollux = await t.pollux({ keys: ['k1'], 'queue.max_wait': '200ms', 'server.workers': 2 });
  assert.equal((await pollux.chat('hi')).status, 429);

  const model = await pollux.chat('hi', { model: 'gemini-2.5-pro' });

  assert.equal(model.text, 'Hello', 'the model is another');
  await pollux.ctl('keys', 'add', '--label', 'more', { input: t.secret('k2') });
  assert.equal((await pollux.chat('hi')).text, 'Hello', 'or a key is added');
  assert.equal(gemini.askedWith('k2'), 1);
});

/* Nobody else was once lent anything for as long as the probe's stream lasted. */
flow('a probe that streams for long holds nobody up', async (t) => {
  const gemini = await t.gemini();
  const enough = deferred();
  gemini.for('k1').answers(503).answers(503).answers(503);
  const pollux = await t.pollux({
    keys: ['k1'],
    'server.workers': 1,
    'upstream.max_attempts': 1,
  });
  for (let i = 0; i < 3; i++) assert.equal((await pollux.chat('hi')).status, 503);
  gemini.replace('k1').does(async (asked) => {
    gemini.replace('k1').behaves();
    await asked.begin();
    await asked.event(piece('Hel'));
    await enough.promise;
    await asked.event(piece('lo', { finish: 'STOP' }));
    await asked.end();
  });
  const probe = pollux.chat('hi', { stream: true });
  await gemini.request(4);

  for (let i = 0; i < 2; i++) assert.equal((await pollux.chat('hi')).text, 'Hello');
  enough.resolve();
  assert.equal((await probe).text, 'Hello');
});
