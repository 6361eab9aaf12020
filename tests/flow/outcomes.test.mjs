// What each failure of Google's means: who is asked next, what becomes of the key, what the client
// gets.  The rows of doc/upstream.md, "Outcomes", at both ends.
//
//   row                                 told here, unless another file is named
//    1 no connection, a reset           below; resting: twice; retries: one that is refused
//    2 a key that is invalid            below; retries: the last key is lost
//    3 not from this place              below
//    4 a refused thought signature      signatures: a refused signature costs one more try
//    5 a refused option                 mends
//    6 what is the request's fault      below; resting: a hundred of them
//    7 a token that has run out         there are no accounts yet
//    8 401                              below
//    9 no credit                        below
//   10 suspended, leaked, denied        below; resting: and its project
//   11 the API is disabled or blocked   below
//   12 its owner must confirm           below
//   13 403 on a file                    below; remote
//   14 any other 403                    below; resting: of three models
//   15 an unknown model                 below; resting: when two keys say so
//   16 404 on a file                    below; remote: what is not there any more has no owner
//   17 a limit of nothing               below; retries: and only that model
//   18 a day's limit                    below; fitness: shared by a project
//   19 a minute's limit                 below; waiting: a thaw that is near is waited for
//   20 too many tokens by itself        resting
//   21 an account's quota               below, with keys
//   22 an account that is too fast      below, with keys; resting: for a moment
//   23 no capacity                      below
//   24 a 429 that does not say which    below; resting: in a row
//   25 cancelled, and not by us         below
//   26 500, 502, HTML                   below
//   27 overloaded                       below; resting: for all keys
//   28 a time-out of theirs             below
//   29 an answer with nothing in it     below; answers: no candidate at all
//   30 a blocked prompt                 resting; answers: a blocked prompt
//   31 an error amid an answer          resting; streams: what breaks in the middle
//
// Lessons #18, #20 to #22, #25 and #27.

import { assert, flow, PER_DAY, PER_MINUTE, until } from './harness.mjs';

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

/* A kept connection that dies is replaced by a new one, unseen: that is nobody else's attempt. */
const oneByOne = (names) => names.filter((name, i) => name !== names[i - 1]);

/* As many others as the row says, and no more. */
async function allOfSix(pollux, gemini, fails, others, told) {
  for (const k of KEYS) fails(gemini.replace(k));
  await pollux.ctl('keys', 'enable', ...KEYS);
  gemini.requests = [];

  const answer = await pollux.chat('hi');

  assert.equal(answer.status, told.status, answer.body);
  if (told.code !== undefined) assert.equal(answer.error.code, told.code);
  assert.deepEqual(oneByOne(gemini.askers(KEYS)), KEYS.slice(0, 1 + others));
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
