// What each failure of Google's means: who is asked next, what becomes of the key, what the client
// gets.  The rows of doc/upstream.md, "Outcomes", at both ends.
//
//   row                                 told here, unless another file is named
//    1 no connection, a reset           below; retries: a connection that is refused; upstream
//    2 a key that is invalid            below; retries: the last key is lost
//    3 not from this place              below
//    4 a refused thought signature      signatures: a refused signature costs one more try
//    5 a refused option                 mends
//    6 what is the request's fault      below; retries: the request's own fault
//    7 a token that has run out         there are no accounts yet
//    8 401                              below
//    9 no credit                        below
//   10 suspended, leaked, denied        below; and with its project
//   11 the API is disabled or blocked   below
//   12 its owner must confirm           below
//   13 403 on a file                    below; remote
//   14 any other 403                    below; and for three models
//   15 an unknown model                 below; and when two say so
//   16 404 on a file                    below; remote: what is not there any more has no owner
//   17 a limit of nothing               below; retries: and only that model
//   18 a day's limit                    below; fitness: shared by a project
//   19 a minute's limit                 below; waiting: a thaw that is near is waited for
//   20 too many tokens by itself        below
//   21 an account's quota               below, with keys
//   22 an account that is too fast      below, with keys
//   23 no capacity                      below
//   24 a 429 that does not say which    below; and in a row
//   25 cancelled, and not by us         below
//   26 500, 502, HTML                   below
//   27 overloaded                       below; and for all keys
//   28 a time-out of theirs             below
//   29 an answer with nothing in it     below; answers: no candidate at all
//   30 a blocked prompt                 below; answers: a blocked prompt
//   31 an error amid an answer          below; streams: what breaks in the middle
//
// Lessons #18, #20 to #22, #25 and #27.

import { assert, fault, flow, PER_DAY, PER_MINUTE, piece, until, USAGE } from './harness.mjs';

const MODEL = 'gemini-2.5-flash';
const KEYS = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6'];
const ORDER = { 'pool.pick': 'order', 'pool.affinity': 'no', 'queue.max_wait': '0s' };
/* Names come from clients: nothing is kept of a model that neither Google nor the file knows. */
const KNOWN = { ...ORDER, config: `model "${MODEL}" { rpm = 100000 }\n` };
const DAY = 86400;

const info = (reason, metadata) => ({
  reason: undefined,
  details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, metadata }],
});

/* ---- what the key shows ---- */

const untouched = { state: 'enabled', failures: 0, last: '' };
const failed = (last) => ({ state: 'enabled', failures: 1, last, blamed: true });
const noted = (last) => ({ state: 'enabled', failures: 1, last });
const disabled = (note) => ({ state: 'disabled', failures: 1, last: note, note });
const frozen = (cause, least, most) => ({
  state: 'frozen',
  failures: 1,
  last: cause,
  cause,
  for: [least, most],
});

/* ---- what the client gets ---- */

const refused = (status, code = null) => ({ status, code });
const lost = { status: 503, code: 'no_available_credential' };
const spent = { status: 429, code: 'insufficient_quota', gaveUp: true };
const slowDown = (...after) => ({ status: 429, code: 'rate_limit_exceeded', after });
const broken = { status: 502, code: 'upstream_error', gaveUp: true };

/*
 * [row, what happened, how the key fails, others that are asked at most, whether the same key is
 * asked again where it is the only one, the key, the client]
 */
const ALL = 3; // upstream.max_attempts less the first
const ROWS = [
  [1, 'a reset', (s) => s.resets(), ALL, true, failed('unreachable'), broken],
  [1, 'a closed connection', (s) => s.closes(), ALL, true, failed('unreachable'), broken],
  [
    2,
    'an invalid key',
    (s) =>
      s.answers(400, {
        message: 'API key not valid. Please pass a valid API key.',
        reason: 'API_KEY_INVALID',
      }),
    ALL,
    false,
    disabled('key-invalid'),
    lost,
  ],
  [
    2,
    'an expired key',
    (s) => s.answers(400, { message: 'API key expired. Please renew the API key.' }),
    ALL,
    false,
    disabled('key-invalid'),
    lost,
  ],
  [
    3,
    'a place that is not served',
    (s) =>
      s.answers(400, {
        message: 'User location is not supported for the API use.',
        status: 'FAILED_PRECONDITION',
      }),
    ALL,
    false,
    frozen('region', DAY - 60, DAY),
    refused(400),
  ],
  [6, 'a bad request', (s) => s.answers(400), 0, false, untouched, refused(400)],
  [
    6,
    'too large a request',
    (s) => s.answers(413, { message: 'Request payload size exceeds the limit.' }),
    0,
    false,
    untouched,
    refused(413, 'request_too_large'),
  ],
  [
    6,
    'what is not implemented',
    (s) => s.answers(501, { message: 'Operation is not implemented.', status: 'UNIMPLEMENTED' }),
    0,
    false,
    untouched,
    { status: 501 },
  ],
  [
    8,
    'credentials that are refused',
    (s) => s.answers(401, { message: 'Request had invalid authentication credentials.' }),
    ALL,
    false,
    disabled('key-invalid'),
    lost,
  ],
  [
    9,
    'credit that must be paid first',
    (s) => s.answers(402, { status: 'RESOURCE_EXHAUSTED' }),
    ALL,
    false,
    disabled('no-credit'),
    spent,
  ],
  [
    9,
    'credit that is used up',
    (s) => s.answers(429, { message: 'Your prepayment credits are depleted.' }),
    ALL,
    false,
    disabled('no-credit'),
    spent,
  ],
  [
    9,
    'credit of another kind', // lesson #25: no rate
    (s) => s.answers(429, { reason: 'INSUFFICIENT_G1_CREDITS_BALANCE' }),
    ALL,
    false,
    disabled('no-credit'),
    spent,
  ],
  ...[
    ['suspended', { message: "Permission denied: Consumer 'x' has been suspended." }],
    ['leaked', { message: 'Your API key was reported as leaked. Please use another API key.' }],
    ['denied', { message: 'Your project has been denied access. Please contact support.' }],
  ].map(([what, how]) => [
    10,
    `a key that is ${what}`,
    (s) => s.answers(403, how),
    ALL,
    false,
    disabled('suspended'),
    lost,
  ]),
  ...[
    { reason: 'SERVICE_DISABLED' },
    { reason: 'BILLING_DISABLED' },
    { reason: 'API_KEY_SERVICE_BLOCKED' },
    { reason: 'API_KEY_IP_ADDRESS_BLOCKED' },
    { message: "Method doesn't allow unregistered callers (callers without identity)." },
  ].map((how) => [
    11,
    how.reason ?? 'an unregistered caller',
    (s) => s.answers(403, how),
    ALL,
    false,
    disabled('key-denied'),
    lost,
  ]),
  [
    12,
    'an account to be confirmed',
    (s) => s.answers(403, { reason: 'VALIDATION_REQUIRED' }),
    ALL,
    false,
    disabled('needs-validation'),
    lost,
  ],
  [
    13,
    "a file that is somebody else's",
    (s) =>
      s.answers(403, {
        message: 'You do not have permission to access the File x or it may not exist.',
      }),
    0,
    false,
    untouched,
    refused(403),
  ],
  [
    14,
    'any other 403',
    (s) => s.answers(403, { message: 'The caller does not have permission' }),
    1,
    false,
    frozen('forbidden', 1700, 1800),
    refused(403),
  ],
  [
    15,
    'an unknown model',
    (s) => s.answers(404, { message: `models/${MODEL} is not found for API version v1beta` }),
    1,
    false,
    frozen('model-unknown', DAY - 60, DAY),
    refused(404, 'model_not_found'),
  ],
  [
    16,
    'a file that is not there',
    (s) => s.answers(404, { message: 'Requested entity was not found.' }),
    0,
    false,
    untouched,
    refused(404),
  ],
  [
    17,
    'a limit of nothing',
    (s) => s.answers(429, { quotaId: PER_MINUTE, quotaValue: '0', retryDelay: '7s' }),
    ALL,
    false,
    frozen('no-quota', DAY - 60, DAY),
    spent,
  ],
  [
    17,
    'a limit of nothing, in words',
    (s) =>
      s.answers(429, {
        message: `You exceeded your current quota, limit: 0, model: ${MODEL}`,
        quotaId: PER_DAY,
        quotaValue: undefined,
      }),
    ALL,
    false,
    frozen('no-quota', DAY - 60, DAY),
    spent,
  ],
  [
    18,
    "a day's limit, whatever delay comes with it", // lesson #20
    (s) => s.answers(429, { quotaId: PER_DAY, quotaValue: '20', retryDelay: '0.964s' }),
    ALL,
    false,
    { ...frozen('day-quota'), untilMidnight: true },
    spent,
  ],
  [
    19,
    "a minute's limit",
    (s) => s.answers(429, { quotaId: PER_MINUTE, quotaValue: '1000', retryDelay: '40s' }),
    ALL,
    false,
    frozen('minute-quota', 30, 40),
    slowDown(30, 40),
  ],
  [
    19,
    "a minute's limit without a delay",
    (s) => s.answers(429, { quotaId: PER_MINUTE, quotaValue: '1000' }),
    ALL,
    false,
    frozen('minute-quota', 50, 60),
    slowDown(50, 60),
  ],
  [
    19,
    "a minute's limit with an absurd delay",
    (s) => s.answers(429, { quotaId: PER_MINUTE, quotaValue: '1000', retryDelay: '86400s' }),
    ALL,
    false,
    frozen('minute-quota', 110, 120),
    { status: 429, code: 'rate_limit_exceeded', gaveUp: true },
  ],
  [
    21,
    "an account's quota, with the time it lasts",
    (s) => s.answers(429, info('QUOTA_EXHAUSTED', { quotaResetDelay: '7200s' })),
    ALL,
    false,
    frozen('day-quota', 7100, 7200),
    spent,
  ],
  [
    21,
    "an account's quota that says nothing",
    (s) => s.answers(429, info('QUOTA_EXHAUSTED', {})),
    ALL,
    false,
    { ...frozen('day-quota'), untilMidnight: true },
    spent,
  ],
  [
    22,
    'an account that is too fast',
    (s) => s.answers(429, info('RATE_LIMIT_EXCEEDED', { quotaResetDelay: '30s' })),
    ALL,
    false,
    frozen('minute-quota', 20, 30),
    slowDown(20, 30),
  ],
  [
    22,
    'an account that is far too fast',
    (s) => s.answers(429, info('RATE_LIMIT_EXCEEDED', { quotaResetDelay: '900s' })),
    ALL,
    false,
    frozen('day-quota', 800, 900),
    spent,
  ],
  [
    23,
    'no capacity',
    (s) => s.answers(429, { reason: 'MODEL_CAPACITY_EXHAUSTED' }),
    2,
    true,
    noted('no-capacity'),
    { status: 503, code: 'overloaded', gaveUp: true },
  ],
  [
    24,
    'a limit that says nothing', // lesson #22
    (s) => s.answers(429, { message: 'Resource has been exhausted (e.g. check quota).' }),
    ALL,
    false,
    frozen('rate-limited', 20, 30),
    slowDown(20, 30),
  ],
  [
    24,
    'a limit whose delay stands in its words',
    (s) => s.answers(429, { message: 'Resource exhausted. Please retry in 17.5s.' }),
    ALL,
    false,
    frozen('rate-limited', 10, 18),
    slowDown(10, 18),
  ],
  [25, 'cancelled', (s) => s.answers(499), ALL, true, noted('cancelled'), broken],
  [26, 'an internal error', (s) => s.answers(500), 2, true, failed('server-error'), broken],
  [
    26,
    'a page of HTML',
    (s) => s.answers(502, { body: '<html>', headers: { 'Content-Type': 'text/html' } }),
    2,
    true,
    failed('server-error'),
    broken,
  ],
  [
    27,
    'an overloaded model',
    (s) => s.answers(503, { message: 'The model is overloaded. Please try again later.' }),
    2,
    true,
    noted('overloaded'),
    { status: 503, code: 'overloaded', gaveUp: true },
  ],
  [28, 'a time-out', (s) => s.answers(504), 1, false, noted('timed-out'), {
    status: 504,
    code: 'timeout',
  }],
  [29, 'nothing at all', (s) => s.answers(200, { body: {} }), 1, true, noted('empty'), broken],
];

/* ---- both ends ---- */

function isTold(answer, told, what) {
  assert.equal(answer.status, told.status, `${what}: ${answer.body}`);
  if (told.code !== undefined) assert.equal(answer.error.code, told.code, what);
  const { 'retry-after': after, 'x-should-retry': should } = answer.headers;
  if (told.after) {
    const [least, most] = told.after;
    assert.ok(after >= least && after <= most + 1, `${what}: retry-after is ${after}`);
  } else {
    assert.equal(after, undefined, what);
  }
  assert.equal(should, told.gaveUp ? 'false' : undefined, what);
}

async function isShown(pollux, name, expects) {
  let key;
  await until(
    async () => (key = await pollux.key(name)).state === expects.state,
    () => `${name} to be ${expects.state}: ${JSON.stringify(key)}`,
  );
  const what = `${name}: ${JSON.stringify(key)}`;
  assert.equal(key.failures, expects.failures, what);
  assert.equal(key.last_failure, expects.last, what);
  if (expects.blamed) assert.ok(key.mean < 0.5, what);
  else assert.equal(key.mean, 0.5, what);
  if (expects.state === 'disabled') assert.equal(key.note, expects.note, what);
  if (expects.state !== 'frozen') return;
  assert.equal(key.cause, expects.cause, what);
  const [least, most] = expects.untilMidnight
    ? [key.day_ends_in_s - 1, key.day_ends_in_s + 121]
    : expects.for;
  assert.ok(key.frozen_for_s >= least && key.frozen_for_s <= most, what);
}

/* Another key answers, unseen; what rests is left alone. */
async function oneOfSix(t, gemini, fails, others, key, told) {
  const pollux = await t.pollux({ keys: KEYS, ...KNOWN });
  fails(gemini.for('k1'));

  const answer = await pollux.chat('hi');

  await isShown(pollux, 'k1', key);
  if (others === 0) {
    isTold(answer, told, 'of six');
    assert.deepEqual(gemini.askers(KEYS), ['k1']);
    return pollux;
  }
  assert.equal(answer.text, 'Hello', answer.body);
  assert.deepEqual(gemini.askers(KEYS), ['k1', 'k2']);
  assert.equal((await pollux.key('k2')).state, 'enabled');
  if (key.state === 'enabled') return pollux;
  assert.equal((await pollux.chat('hi')).text, 'Hello');
  assert.deepEqual(gemini.askers(KEYS), ['k1', 'k2', 'k2'], 'it rests');
  return pollux;
}

/* As many others as the row says, and no more. */
async function allOfSix(pollux, gemini, fails, others, told) {
  for (const k of KEYS) fails(gemini.replace(k));
  await pollux.ctl('keys', 'enable', ...KEYS);
  gemini.requests = [];

  const answer = await pollux.chat('hi');

  assert.equal(answer.status, told.status, answer.body);
  if (told.code !== undefined) assert.equal(answer.error.code, told.code);
  assert.deepEqual(gemini.askers(KEYS), KEYS.slice(0, 1 + others));
}

async function theOnlyOne(t, gemini, fails, again, told) {
  const pollux = await t.pollux({ keys: ['k7'], ...KNOWN });
  fails(gemini.for('k7'));
  gemini.requests = [];

  isTold(await pollux.chat('hi'), told, 'alone');

  assert.deepEqual(gemini.askers(['k7']), again ? ['k7', 'k7'] : ['k7']);
}

for (const [row, what, fails, others, again, key, told] of ROWS) {
  flow(`row ${row}: ${what}`, async (t) => {
    const gemini = await t.gemini();
    const pollux = await oneOfSix(t, gemini, fails, others, key, told);
    await allOfSix(pollux, gemini, fails, others, told);
    await theOnlyOne(t, gemini, fails, again, told);
  });
}

/* ---- what a row says beyond that ---- */

/* Row 1.  Two in a row are a way that is closed; then nobody waits for it. */
flow('a key that cannot be reached twice rests, and comes back by itself', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').resets().resets().behaves();
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER });

  for (let i = 0; i < 3; i++) assert.equal((await pollux.chat('hi')).text, 'Hello');

  assert.deepEqual(gemini.askers(KEYS), ['k1', 'k2', 'k1', 'k2', 'k2']);
  const { state, cause, breaker } = await pollux.key('k1');
  assert.deepEqual([state, cause, breaker.state], ['resting', 'unreachable', 'open']);
  await until(async () => {
    await pollux.chat('hi');
    return gemini.askedWith('k1') > 2;
  }, 'k1 to be probed');
  await until(async () => (await pollux.key('k1')).state === 'enabled', 'k1 to be back');
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
  assert.equal(k1.mean, mean);
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
flow('a prompt that is more than a minute holds freezes no key, and the limit is kept', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.does((asked) =>
    asked.body.length > 5000
      ? asked.whole(
          429,
          fault(429, { quotaId: TOKENS_PER_MINUTE, quotaValue: '500', retryDelay: '50s' }),
        )
      : asked.whole(200, piece('Hello', { finish: 'STOP', usage: USAGE })),
  );
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...KNOWN });
  const long = 'many words '.repeat(1000);

  const answer = await pollux.chat(long);

  isTold(answer, spent, 'alone');
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
  gemini
    .for('k1')
    .answers(429, info('RATE_LIMIT_EXCEEDED', { quotaResetDelay: '1s' }))
    .behaves();
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
