// How keys and models rest: for how long, together with whom, and how they come back.
//
// The numbers are those of the rows in outcomes, which has what each of them means by itself.
//
// Lessons #21, #22 and #27.

import { assert, fault, flow, PER_MINUTE, piece, until, USAGE } from './harness.mjs';

const MODEL = 'gemini-2.5-flash';
const KEYS = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6'];
const ORDER = { 'pool.pick': 'order', 'pool.affinity': 'no', 'queue.max_wait': '0s' };

/* A kept connection that dies is replaced by a new one, unseen: that is nobody else's attempt. */
const oneByOne = (names) => names.filter((name, i) => name !== names[i - 1]);

/* Row 1.  Two in a row are a way that is closed; then nobody waits for it. */
flow('a key that cannot be reached twice rests, and comes back by itself', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').resets();
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER });

  for (let i = 0; i < 3; i++) assert.equal((await pollux.chat('hi')).text, 'Hello');

  assert.deepEqual(oneByOne(gemini.askers(KEYS)), ['k1', 'k2', 'k1', 'k2']);
  assert.equal(gemini.askedWith('k2'), 3, 'the third time k1 is left alone');
  const { state, cause, breaker } = await pollux.key('k1');
  assert.deepEqual([state, cause, breaker.state], ['resting', 'unreachable', 'open']);
  gemini.replace('k1').behaves();
  await until(async () => {
    await pollux.chat('hi');
    return (await pollux.key('k1')).successes > 0;
  }, 'k1 to be probed');
  assert.equal((await pollux.key('k1')).state, 'enabled');
});

/* Row 6 and lesson #27. */
flow("a hundred faults of clients' own do a key no harm", async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').behaves();
  const pollux = await t.pollux({ ...ORDER });
  await pollux.chat('hi');
  const { mean } = await pollux.key('k1');
  gemini.replace('k1').answers(400);

  await Promise.all(Array.from({ length: 100 }, () => pollux.chat('hi')));

  const k1 = await pollux.key('k1');
  assert.deepEqual([k1.state, k1.failures, k1.breaker.state], ['enabled', 0, 'closed']);
  assert.ok(Math.abs(k1.mean - mean) < 0.01, 'it only fades');
});

async function addOf(pollux, t, name, project) {
  await pollux.ctl('keys', 'add', '--label', name, '--project', project, {
    input: t.secret(name),
  });
}

/* Row 10 and lesson #21. */
flow('a key that is suspended takes its project along, and nobody else', async (t) => {
  const gemini = await t.gemini();
  gemini.for('a1').answers(403, { reason: 'CONSUMER_SUSPENDED' });
  const pollux = await t.pollux({ keys: [], ...ORDER });
  for (const name of ['a1', 'a2', 'b1']) await addOf(pollux, t, name, name[0]);

  assert.equal((await pollux.chat('hi')).text, 'Hello');

  assert.deepEqual(gemini.askers(['a1', 'a2', 'b1']), ['a1', 'b1'], 'not even tried');
  const states = async () =>
    (await pollux.ctl('keys', 'list')).keys.map((k) => [k.label, k.state, k.note]);
  await until(async () => (await states())[1][1] === 'disabled', 'the sibling to be disabled');
  assert.deepEqual(await states(), [
    ['a1', 'disabled', 'suspended'],
    ['a2', 'disabled', 'suspended'],
    ['b1', 'enabled', ''],
  ]);
});

/* Row 14. */
flow('a key that three models are forbidden to is disabled, two leave it the others', async (t) => {
  const gemini = await t.gemini();
  const models = ['gemini-2.5-flash', 'gemini-2.5-pro', 'gemini-2.5-flash-lite'];
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER });
  for (const model of models) await pollux.chat('hi', { model });
  gemini.replace('k1').answers(403, { message: 'The caller does not have permission' });
  gemini.requests = [];

  for (const model of [models[0], models[0], models[1]])
    assert.equal((await pollux.chat('hi', { model })).text, 'Hello');
  assert.deepEqual(gemini.askers(KEYS), ['k1', 'k2', 'k2', 'k1', 'k2']);
  const k1 = await pollux.ctl('keys', 'show', 'k1');
  assert.equal(k1.enabled, true);
  assert.deepEqual(
    models.map((m) => k1.models[m].state),
    ['frozen', 'frozen', 'enabled'],
  );

  await pollux.chat('hi', { model: models[2] });
  await until(async () => (await pollux.key('k1')).note === 'forbidden', 'k1 to be disabled');
});

/* Row 15. */
flow('a model that two keys do not know is asked of no third, for all clients', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: KEYS, ...ORDER });

  for (let i = 0; i < 3; i++) {
    const answer = await pollux.chat('hi', { model: 'gemini-9-preview' });
    assert.deepEqual([answer.status, answer.error.code], [404, 'model_not_found']);
  }

  assert.deepEqual(gemini.askers(KEYS), ['k1', 'k2']);
  for (const k of ['k1', 'k2']) assert.equal((await pollux.key(k)).state, 'enabled');
  assert.equal((await pollux.chat('hi')).text, 'Hello', 'other models are as they were');
});

const TOKENS_PER_MINUTE = 'GenerateContentInputTokensPerModelPerMinute-FreeTier';

/* Row 20. */
flow('a prompt that is more than a minute holds freezes nobody, and teaches', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.does((asked) =>
    asked.body.length > 5000
      ? asked.whole(
          429,
          fault(429, { quotaId: TOKENS_PER_MINUTE, quotaValue: '500', retryDelay: '50s' }),
        )
      : asked.whole(200, piece('Hello', { finish: 'STOP', usage: USAGE })),
  );
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER });
  const long = 'many words '.repeat(1000);

  const answer = await pollux.chat(long);

  assert.deepEqual([answer.status, answer.error.code], [429, 'insufficient_quota']);
  assert.equal(answer.headers['x-should-retry'], 'false');
  assert.deepEqual(gemini.askers(KEYS), ['k1', 'k2']);
  for (const k of ['k1', 'k2']) {
    const { state, models } = await pollux.key(k);
    assert.equal(state, 'enabled', k);
    assert.deepEqual(
      [models[MODEL].limits.tpm.limit, models[MODEL].limits.tpm.from],
      [500, 'learned'],
    );
  }
  assert.equal((await pollux.chat('hi')).text, 'Hello', 'what fits goes on');
});

/* Row 22: of two seconds at most the delay is waited for. */
flow('an account that is too fast for a moment is asked again after it', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { reason: 'RATE_LIMIT_EXCEEDED', retryDelay: '1s' }).behaves();
  const pollux = await t.pollux({ keys: ['k1'], ...ORDER, 'queue.max_wait': '10s' });

  assert.equal((await pollux.chat('hi')).text, 'Hello');
  assert.deepEqual(gemini.askers(KEYS), ['k1', 'k1']);
});

/* Row 24 and lesson #22: longer each time, and bounded; a success begins anew. */
flow('limits that say nothing rest a key longer each time', async (t) => {
  const gemini = await t.gemini();
  const vague = () => gemini.replace('k1').answers(429, { message: 'Resource exhausted.' });
  const pollux = await t.pollux({ ...ORDER });
  const rests = async () => {
    vague();
    assert.equal((await pollux.chat('hi')).status, 429);
    const { frozen_for_s: s, cause } = await pollux.key('k1');
    assert.equal(cause, 'rate-limited');
    return s;
  };
  await pollux.restart({ settings: { 'pool.freeze_min': '1ms', 'pool.freeze_max': '1ms' } });
  vague();
  for (let i = 0; i < 2; i++)
    await until(async () => {
      await pollux.chat('hi');
      return gemini.asked > i;
    }, `refusal ${i + 1}`);
  await pollux.restart({ settings: { 'pool.freeze_max': '24h' } });
  await until(async () => (await pollux.key('k1')).state === 'enabled', 'the freeze to end');

  const third = await rests();
  assert.ok(third > 100 && third <= 120, `for ${third} s after two others`);
  await pollux.thaw();
  const first = await rests();
  assert.ok(first > 20 && first <= 30, `for ${first} s`);
});

/* Row 27. */
flow('an overloaded model is spared by all keys for a moment, and the storm ends', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(503, { message: 'The model is overloaded. Please try again later.' });
  const pollux = await t.pollux({ keys: KEYS, ...ORDER, 'server.workers': 2 });
  assert.equal((await pollux.chat('hi')).status, 503);
  assert.equal(gemini.asked, 3);

  const answers = await Promise.all(Array.from({ length: 40 }, () => pollux.chat('hi')));

  assert.equal(gemini.asked, 3, 'nobody adds to it');
  for (const answer of answers) {
    assert.deepEqual([answer.status, answer.error.code], [503, 'overloaded']);
    const after = Number(answer.headers['retry-after']);
    assert.ok(after >= 1 && after <= 3, `retry-after: ${after}`);
  }
  assert.equal((await pollux.ctl('status')).pool.cooling[0].cause, 'overloaded');
  for (const k of KEYS) assert.equal((await pollux.key(k)).state, 'enabled', k);
  assert.equal((await pollux.chat('hi', { model: 'gemini-2.5-pro' })).status, 503);
  assert.ok(gemini.asked > 3, 'other models are no part of it');
  gemini.anyone.behaves();
  await until(async () => (await pollux.chat('hi')).status === 200, 'the model to be back');
});

/* Row 30. */
flow('a blocked prompt is an answer: nobody else is asked, nobody is blamed', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.gives({ promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: USAGE });
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER });

  const answer = await pollux.chat('hi');

  assert.deepEqual([answer.status, answer.finish], [200, 'content_filter']);
  assert.deepEqual(gemini.askers(KEYS), ['k1']);
  assert.equal((await pollux.key('k1')).failures, 0);
});

/* Row 31. */
flow('an error amid an answer is not repeated, and its quota freezes the key', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').does(async (asked) => {
    await asked.begin();
    await asked.event(piece('Hel'));
    await asked.event(fault(429, { quotaId: PER_MINUTE, quotaValue: '1000', retryDelay: '40s' }));
    await asked.end();
  });
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER });

  const answer = await pollux.chat('hi', { stream: true });

  assert.equal(answer.text, 'Hel');
  assert.equal(answer.error.type, 'rate_limit_error');
  assert.ok(!answer.done);
  assert.deepEqual(gemini.askers(KEYS), ['k1']);
  const k1 = await pollux.key('k1');
  assert.deepEqual([k1.state, k1.cause], ['frozen', 'minute-quota']);
  assert.equal((await pollux.chat('hi')).text, 'Hello');
  assert.deepEqual(gemini.askers(KEYS), ['k1', 'k2']);
});
