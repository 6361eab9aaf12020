// A key that fails gives way to another, unseen, as long as nothing of the answer went out; and
// what becomes of the key.
//
// Lessons #18 to #22, #27, #38, #58, #59 and #70; fault (l) of a popular peer.

import {
  assert,
  ConnectProxy,
  event,
  fault,
  flow,
  PER_DAY,
  PER_MINUTE,
  piece,
  pieces,
  until,
} from './harness.mjs';

const ORDER = { 'pool.pick': 'order' };

flow('a spent key gives way to the next, unseen by the client', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: PER_MINUTE, retryDelay: '40s' });
  gemini.for('k2').streams('Hel', 'lo');
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER });

  const answer = await pollux.chat('hi', { stream: true });

  assert.equal(answer.text, 'Hello');
  assert.ok(answer.done);
  assert.equal(gemini.asked, 2);
  const k1 = await pollux.key('k1');
  assert.ok(k1.frozen);
  assert.ok(k1.frozen_for_s > 30 && k1.frozen_for_s <= 41, JSON.stringify(k1));
  assert.ok(!(await pollux.key('k2')).frozen);

  assert.equal((await pollux.chat('hi')).status, 200);
  assert.equal(gemini.askedWith('k1'), 1, 'and it is left alone until then');
});

const FAILURES = {
  'an internal error': (s) => s.answers(500),
  'a page of HTML': (s) =>
    s.answers(502, { body: '<html>Bad Gateway</html>', headers: { 'Content-Type': 'text/html' } }),
  'an overloaded model': (s) =>
    s.answers(503, { message: 'The model is overloaded. Please try again later.' }),
  'a time-out of its own': (s) => s.answers(504),
  'a limit that says nothing': (s) =>
    s.answers(429, { message: 'Resource has been exhausted (e.g. check quota).' }),
  'a limit in a list of one': (s) =>
    s.answers(429, { body: [fault(429, { quotaId: PER_MINUTE, quotaValue: '1000' })] }),
  'a reset': (s) => s.resets(),
  'a closed connection': (s) => s.closes(),
  'what is no HTTP': (s) =>
    s.does((asked) => {
      asked.conn.end('SSH-2.0-OpenSSH_9.2\r\n');
    }),
  'an answer that is no JSON': (s) => s.does((asked) => asked.whole(200, 'surprise')),
  'half an answer': (s) =>
    s.does(async (asked) => {
      await asked.begin(200, { 'Content-Length': 1000 });
      await asked.write('{"candidates": [');
      asked.cut();
    }),
  'an error without an end': (s) =>
    s.does(async (asked) => {
      await asked.begin(500);
      while (await asked.chunk(Buffer.alloc(65536, ' ')));
      asked.reset();
    }),
  'an answer with nothing in it': (s) => s.answers(200, { body: {} }),
  'an error under status 200': (s) => s.answers(200, { body: fault(503) }),
  'a redirect': (s) => s.answers(302, { body: '', headers: { Location: 'http://127.0.0.1:1/' } }),
};

flow('whatever fails before it answered is tried with another key', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER });

  for (const [name, fails] of Object.entries(FAILURES)) {
    for (const ask of [
      () => pollux.chat('hi'),
      () => pollux.chat('hi', { stream: true }),
      async () => ({
        text: (await pollux.native('generateContent', {})).json.candidates?.[0].content.parts[0]
          .text,
      }),
    ]) {
      gemini.replace('k1');
      fails(gemini.for('k1'));
      const [first, second] = [gemini.askedWith('k1'), gemini.askedWith('k2')];
      assert.equal((await ask()).text, 'Hello', name);
      await pollux.thaw();
      /* A reset of a connection that had lain idle is tried once more on a fresh one. */
      assert.ok(gemini.askedWith('k1') > first, name);
      assert.equal(gemini.askedWith('k2'), second + 1, name);
    }
  }
});

flow('a stream that says nothing and breaks off is begun anew elsewhere', async (t) => {
  const gemini = await t.gemini();
  const silent = { usageMetadata: { promptTokenCount: 7 }, modelVersion: 'gemini-2.5-flash' };
  gemini.for('k1').does(async (asked) => {
    await asked.begin();
    await asked.event(silent);
    asked.reset();
  });
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER });

  const answer = await pollux.chat('hi', { stream: true });
  assert.equal(answer.text, 'Hello');
  assert.ok(answer.done);
  await pollux.ctl('keys', 'thaw', 'k1');
  const native = await pollux.native('streamGenerateContent', {}, { query: '?alt=sse' });
  assert.equal(
    native.text,
    pieces('Hel', 'lo')
      .map((p) => event(p))
      .join(''),
    'and nothing of the first is seen',
  );
  assert.equal(gemini.asked, 4);
});

flow('a key that does not answer in time gives way, and its call is given up', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').hangs();
  const pollux = await t.pollux({
    keys: ['k1', 'k2'],
    ...ORDER,
    'upstream.first_byte_timeout': '150ms',
  });

  assert.equal((await pollux.chat('hi')).text, 'Hello');

  await gemini.requests[0].aborted();
  assert.equal(gemini.asked, 2);
});

flow('nobody answers in time: 504', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.hangs();
  const pollux = await t.pollux({
    keys: ['k1', 'k2', 'k3'],
    'upstream.first_byte_timeout': '100ms',
  });

  const chat = await pollux.chat('hi');
  assert.equal(chat.status, 504);
  assert.equal(chat.error.type, 'server_error');
  assert.equal(chat.headers['x-should-retry'], 'false', 'it was tried again already');
  assert.equal((await pollux.native('generateContent', {})).json.error.status, 'DEADLINE_EXCEEDED');
});

flow('a program may say how long it waits', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.hangs();
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });

  const native = await pollux.native(
    'generateContent',
    {},
    { headers: { 'x-server-timeout': '1' } },
  );

  assert.equal(native.status, 504);
  await gemini.requests[0].aborted();
});

flow('a connection that is refused is tried again', async (t) => {
  const gemini = await t.gemini();
  const proxy = t.keep(await ConnectProxy.start());
  proxy.refusals = 1;
  const pollux = await t.pollux({
    keys: ['k1', 'k2'],
    'upstream.proxy': `http://127.0.0.1:${proxy.port}`,
  });

  assert.equal((await pollux.chat('hi')).text, 'Hello');
  assert.equal(proxy.visits.length, 2);
  assert.equal(gemini.asked, 1);
});

flow('Gemini out of reach: 502, and all is well when it is back', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });
  await gemini.disappear();

  const chat = await pollux.chat('hi');
  assert.equal(chat.status, 502);
  assert.equal(chat.error.type, 'server_error');
  assert.equal((await pollux.get('/healthz')).status, 200);

  await gemini.listen();
  assert.equal((await pollux.chat('hi')).text, 'Hello');
});

flow('a single key that fails for a moment is asked once more', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(503).behaves();
  const pollux = await t.pollux();

  assert.equal((await pollux.chat('hi')).text, 'Hello');
  assert.equal(gemini.asked, 2);
});

/* Lesson #59. */
flow('a stale connection is no failure', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ 'server.workers': 1 });
  await pollux.chat('hi');
  const { failures } = await pollux.key('k1');
  gemini.last.conn.destroy();

  assert.equal((await pollux.chat('hi')).text, 'Hello');
  assert.equal((await pollux.key('k1')).failures, failures);
});

flow('no more keys are tried than upstream.max_attempts says', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(429, { quotaId: PER_MINUTE, retryDelay: '40s' });
  const pollux = await t.pollux({
    keys: ['k1', 'k2', 'k3', 'k4', 'k5'],
    'upstream.max_attempts': 3,
    'queue.max_wait': '0s',
  });

  assert.equal((await pollux.chat('hi')).status, 429);
  assert.equal(gemini.asked, 3);
});

flow('every key is spent: 429, with the moment of the first thaw', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: PER_MINUTE, retryDelay: '50s' });
  gemini.for('k2').answers(429, { quotaId: PER_MINUTE, retryDelay: '30s' });
  const pollux = await t.pollux({ keys: ['k1', 'k2'], 'queue.max_wait': '5s' });

  for (let i = 0; i < 2; i++) {
    const chat = await pollux.chat('hi', { stream: i === 1 });
    assert.equal(chat.status, 429, chat.body);
    assert.equal(chat.error.type, 'rate_limit_error');
    assert.equal(chat.error.code, 'rate_limit_exceeded');
    const after = Number(chat.headers['retry-after']);
    assert.ok(after > 20 && after <= 30, `retry-after: ${after}`);
    assert.ok(Math.abs(Number(chat.headers['retry-after-ms']) / 1000 - after) <= 1);
  }
  assert.equal(gemini.asked, 2, 'the second time nobody is asked');
  const native = await pollux.native('generateContent', {});
  assert.equal(native.status, 429);
  assert.equal(native.json.error.status, 'RESOURCE_EXHAUSTED');
  assert.match(native.json.error.details[0].retryDelay, /^(2\d|30)s$/);
  assert.equal((await pollux.get('/readyz')).status, 200, 'another model may be free');
});

flow('a thaw that is far away is not told to programs that would sleep until then', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(429, { quotaId: PER_MINUTE, retryDelay: '110s' });
  const pollux = await t.pollux();

  const chat = await pollux.chat('hi');

  assert.equal(chat.status, 429);
  assert.equal(chat.headers['retry-after'], undefined);
  assert.equal(chat.headers['retry-after-ms'], undefined);
  assert.equal(chat.headers['x-should-retry'], 'false');
});

flow('a thaw that is near is waited for', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: PER_MINUTE, retryDelay: '1s' }).behaves();
  const pollux = await t.pollux();

  assert.equal((await pollux.chat('hi')).text, 'Hello');
  assert.equal(gemini.asked, 2);
});

flow("a day's limit lasts until Pacific midnight, whatever delay comes with it", async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: PER_DAY, quotaValue: '20', retryDelay: '1s' });
  const pollux = await t.pollux();

  const chat = await pollux.chat('hi');

  assert.equal(chat.status, 429);
  assert.equal(chat.error.type, 'insufficient_quota');
  assert.equal(chat.headers['x-should-retry'], 'false');
  const k1 = await pollux.key('k1');
  assert.equal(k1.cause, 'day-quota');
  assert.equal((await pollux.chat('hi')).status, 429);
  assert.equal(gemini.asked, 1);
});

flow('a limit of zero takes the model from the key for a day, and only that model', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').does((asked) =>
    asked.path.includes('pro')
      ? asked.whole(
          429,
          fault(429, {
            message: 'Quota exceeded, limit: 0, model: gemini-2.5-pro',
            quotaId: PER_MINUTE,
            quotaValue: '0',
          }),
        )
      : asked.whole(200, piece('Hello', { finish: 'STOP' })),
  );
  const pollux = await t.pollux();

  assert.equal((await pollux.chat('hi', { model: 'gemini-2.5-pro' })).status, 429);
  assert.equal((await pollux.chat('hi')).text, 'Hello');
  const k1 = await pollux.ctl('keys', 'show', 'k1', '--model', 'gemini-2.5-pro');
  assert.equal(k1.cause, 'no-quota');
  assert.ok(k1.frozen_for_s > 3600);
});

const LOST = {
  'key-invalid': [
    400,
    { message: 'API key not valid. Please pass a valid API key.', reason: 'API_KEY_INVALID' },
  ],
  'key-denied': [
    403,
    { message: 'Generative Language API has not been used before.', reason: 'SERVICE_DISABLED' },
  ],
  suspended: [
    403,
    { message: 'Permission denied: Consumer has been suspended.', reason: 'CONSUMER_SUSPENDED' },
  ],
  'no-credit': [429, { message: 'Your prepayment credits are depleted.' }],
};

flow('a key that Google no longer takes is disabled, and the request goes on', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER, 'server.workers': 1 });

  for (const [cause, [status, how]] of Object.entries(LOST)) {
    gemini.replace('k1').answers(status, how);
    assert.equal((await pollux.chat('hi')).text, 'Hello', cause);
    const asked = gemini.askedWith('k1');
    await pollux.chat('hi');
    await pollux.chat('hi');
    assert.equal(gemini.askedWith('k1'), asked, 'it is not tried again');
    const k1 = await until(
      async () => [await pollux.key('k1')].find((k) => k.state === 'disabled'),
      'the key to be disabled',
    );
    assert.equal(k1.note, cause);
    await pollux.ctl('keys', 'enable', 'k1');
  }
});

flow("the last key is lost: 503, and none of Google's words about our keys", async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(400, LOST['key-invalid'][1]);
  const pollux = await t.pollux({ keys: ['k1', 'k2'], 'server.workers': 1 });

  const isOurs = (answer) => {
    assert.equal(answer.status, 503, answer.body);
    assert.doesNotMatch(answer.body.toString(), /API key|API_KEY/);
  };

  isOurs(await pollux.chat('hi'));
  await until(async () => (await pollux.get('/readyz')).status === 503, 'both to be disabled');
  const asked = gemini.asked;
  isOurs(await pollux.chat('hi', { stream: true }));
  isOurs(await pollux.native('generateContent', {}));
  assert.equal(gemini.asked, asked);
  const { keys } = await pollux.ctl('keys', 'list');
  assert.ok(keys.every((k) => k.state === 'disabled' && k.note === 'key-invalid'));
});

flow("what is the request's own fault is told, and blamed on no key", async (t) => {
  const gemini = await t.gemini();
  const words = 'Unable to process input image. Please retry or report.';
  gemini.anyone.answers(400, { message: words });
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });

  for (const stream of [false, true]) {
    const chat = await pollux.chat('hi', { stream });
    assert.equal(chat.status, 400);
    assert.equal(chat.error.type, 'invalid_request_error');
    assert.equal(chat.error.message, words);
  }
  assert.equal(gemini.asked, 2, 'nothing is tried again');
  for (const name of ['k1', 'k2']) {
    const key = await pollux.key(name);
    assert.deepEqual([key.state, key.failures, key.frozen], ['enabled', 0, false]);
  }
});

flow("a prompt that is too long is known by OpenAI's code for it", async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(400, {
    message:
      'The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).',
  });
  const pollux = await t.pollux();

  const chat = await pollux.chat('hi');
  assert.equal(chat.status, 400);
  assert.equal(chat.error.code, 'context_length_exceeded');
});

flow('a model that one project lacks, another may have', async (t) => {
  const gemini = await t.gemini();
  gemini
    .for('k1')
    .answers(404, { message: 'models/gemini-2.5-flash is not found for API version v1beta' });
  const pollux = await t.pollux({ keys: ['k1', 'k2', 'k3'], ...ORDER });

  assert.equal((await pollux.chat('hi')).text, 'Hello');
  assert.equal(gemini.asked, 2);
});

flow('nothing twice is a 502', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.gives({ usageMetadata: { promptTokenCount: 7 } });
  const pollux = await t.pollux({ keys: ['k1', 'k2', 'k3'] });

  for (const stream of [false, true]) {
    const asked = gemini.asked;
    const chat = await pollux.chat('hi', { stream });
    assert.equal(chat.status, 502);
    assert.equal(chat.error.type, 'server_error');
    assert.equal(gemini.asked - asked, 2, 'after one more try');
    await pollux.thaw();
  }
});

flow("a secret in Google's words does not reach the client", async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.does((asked) =>
    asked.whole(
      400,
      fault(400, {
        message: `Bad thing with key ${asked.secret} in it`,
        reason: 'api_key:' + asked.secret,
      }),
    ),
  );
  const pollux = await t.pollux({ 'log.level': 'debug' });

  for (const answer of [
    (await pollux.chat('hi')).body,
    (await pollux.native('generateContent', {})).text,
  ]) {
    assert.match(answer, /Bad thing/);
    assert.ok(!answer.includes(t.secret('k1')), answer);
  }
});

flow('requests spread over the keys', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1', 'k2', 'k3'], 'pool.pick': 'round-robin' });

  for (let i = 0; i < 12; i++) await pollux.chat('hi');

  assert.deepEqual(
    ['k1', 'k2', 'k3'].map((k) => gemini.askedWith(k)),
    [4, 4, 4],
  );
});

flow('a freeze is known to every worker, and outlives a restart', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(429, { quotaId: PER_DAY });
  const pollux = await t.pollux({ 'server.workers': 3 });

  for (let i = 0; i < 12; i++) assert.equal((await pollux.chat('hi')).status, 429);
  assert.equal(gemini.asked, 1);
  await pollux.restart();
  assert.equal((await pollux.chat('hi')).status, 429);
  assert.equal(gemini.asked, 1);
});

// Lesson 58: a deadline for those that answer at once would cut deep thinking off.
flow('a model that thinks may be silent five times as long', async (t) => {
  const gemini = await t.gemini();
  gemini
    .for('k1')
    .does(
      (asked) =>
        void setTimeout(() => asked.whole(200, piece('Hello', { finish: 'STOP' })), 2500),
    )
    .hangs();
  const pollux = await t.pollux({
    keys: ['k1'],
    'upstream.first_byte_timeout': '2s',
    'queue.max_wait': '0s',
  });

  assert.equal((await pollux.chat('hi', { model: 'gemini-2.5-pro' })).text, 'Hello');
  assert.equal((await pollux.chat('hi', { model: 'gemini-2.0-flash' })).status, 504);
});
