// Many keys, some of them bad: the good ones answer, the bad ones are left alone, and each says
// why.
//
// How the end of the daemon is outlived: chores.  What is waited for: waiting.  Limits: quotas.
//
// Lessons #23 and #59.

import { assert, deferred, flow, PER_DAY, PER_MINUTE, piece, until, USAGE } from './harness.mjs';

const ORDER = { 'pool.pick': 'order', 'pool.affinity': 'no' };
const HELLO = piece('Hello', { finish: 'STOP', usage: USAGE });

/* ---- ten keys ---- */

/** A few clients, each with one request at a time, until so many were made; gives the answers. */
async function crowd(pollux, { clients, requests }) {
  const answers = [];
  let next = 0;
  const one = async () => {
    while (next < requests) {
      const n = next++;
      answers[n] = await pollux.chat(`question ${n}.`, { stream: n % 4 === 0 });
    }
  };
  await Promise.all(Array.from({ length: clients }, one));
  return answers;
}

const invalid = (s) =>
  s.answers(400, {
    message: 'API key not valid. Please pass a valid API key.',
    reason: 'API_KEY_INVALID',
  });
const spent = (s) => s.answers(429, { quotaId: PER_DAY, quotaValue: '20', retryDelay: '1s' });
const BAD = {
  invalid1: invalid,
  spent1: spent,
  fails: (s) => s.answers(500),
  invalid2: invalid,
  resets: (s) => s.resets(),
  hangs: (s) => s.hangs(),
  spent2: spent,
  invalid3: invalid,
};
const HANDFUL = 10;

/* What rests after failures is tried now and then, and the story may end in any moment of that. */
async function showsItsState(pollux, name) {
  const key = await pollux.key(name);
  const what = `${name}: ${JSON.stringify(key)}`;
  if (name.startsWith('invalid')) {
    assert.deepEqual([key.state, key.note, key.mean], ['disabled', 'key-invalid', 0.5], what);
    assert.match(key.advice, /Google does not know this key/);
  } else if (name.startsWith('spent')) {
    assert.deepEqual([key.state, key.cause, key.mean], ['frozen', 'day-quota', 0.5], what);
    assert.ok(Math.abs(key.frozen_for_s - key.day_ends_in_s - 60) <= 61, what);
  } else if (name.startsWith('good')) {
    assert.deepEqual([key.state, key.cause, key.failures], ['enabled', '', 0], what);
    assert.ok(key.mean > 0.9 && key.last_success_s > 0, what);
  } else {
    const reason = { fails: 'server-error', resets: 'unreachable', hangs: 'silent' }[name];
    assert.ok(['resting', 'half-open', 'enabled'].includes(key.state), what);
    assert.equal(key.cause, key.state === 'enabled' ? '' : reason, what);
    assert.deepEqual([key.last_failure, key.successes], [reason, 0], what);
    assert.ok(key.mean < 0.4, what);
  }
  assert.equal(key.in_flight, 0, what);
}

/* What explain says of a request is what the upstream saw of it. */
async function isExplained(pollux, gemini, keys, labels, answers) {
  for (const [n, answer] of answers.entries()) {
    const marked = gemini.requests.filter((r) => r.body.includes(`question ${n}.`));
    const askers = gemini.askers(keys, marked).map((k) => labels[k]);
    const { attempts, status } = await pollux.explained(answer);
    assert.equal(status, 200);
    assert.deepEqual(
      attempts.map((a) => a.credential),
      // A kept connection that is reset is replaced unseen.
      askers.filter((k, i) => k !== askers[i - 1]),
      `question ${n}`,
    );
    const outcomes = attempts.map((a) => a.outcome);
    assert.equal(outcomes.pop(), 'ok');
    assert.ok(!outcomes.includes('ok'));
  }
}

flow('of ten keys eight are bad: a thousand requests, a thousand answers', async (t) => {
  const gemini = await t.gemini();
  const bad = Object.keys(BAD);
  const keys = [...bad, 'good1', 'good2'];
  for (const k of bad) BAD[k](gemini.for(k));
  const pollux = await t.pollux({
    keys,
    'upstream.first_byte_timeout': '200ms',
    'upstream.max_attempts': keys.length, // the first requests may meet all that are bad
  });

  const answers = await crowd(pollux, { clients: 20, requests: 1000 });

  for (const answer of answers) assert.equal(answer.text, 'Hello', answer.body);
  const asked = Object.fromEntries(keys.map((k) => [k, gemini.askedWith(k)]));
  for (const k of bad) assert.ok(asked[k] <= HANDFUL, JSON.stringify(asked));
  for (const k of keys) await showsItsState(pollux, k);
  const { keys: counts } = await pollux.ctl('status');
  assert.deepEqual([counts.disabled, counts.frozen], [3, 2]);
  assert.equal(counts.enabled + counts.resting + counts['half-open'], 5);
  await isExplained(pollux, gemini, keys, await pollux.labels(), answers.slice(0, 20));
});

/* ---- thawing, lesson #23 ---- */

const REFUSED = { message: 'Resource exhausted. Please retry in 300s.' };

/* Of more than some dozens of keys each worker remembers who rests, and looks at these no more. */
for (const count of [1, 40]) {
  flow(`a thaw by hand brings keys back at once, in every worker: ${count}`, async (t) => {
    const gemini = await t.gemini();
    gemini.anyone.answers(429, REFUSED);
    const pollux = await t.pollux({
      keys: Array.from({ length: count }, (_, i) => `k${i}`),
      'server.workers': 3,
      'upstream.max_attempts': 32,
      'queue.max_wait': '0s',
    });
    const many = () => Promise.all(Array.from({ length: 24 }, () => pollux.chat('hi')));
    await until(async () => {
      await pollux.chat('hi');
      return gemini.asked >= count;
    }, 'all to be frozen');
    for (const answer of await many()) assert.equal(answer.status, 429);
    assert.equal(gemini.asked, count);
    gemini.anyone.behaves();

    await pollux.thaw();

    for (const answer of await many()) assert.equal(answer.text, 'Hello', answer.body);
    for (const answer of await many()) assert.equal(answer.text, 'Hello', answer.body);
    assert.equal(gemini.asked, count + 48, 'without a refusal');
  });
}

/* ---- choosing ---- */

flow('the least used one has the fewest requests under way, of all workers', async (t) => {
  const gemini = await t.gemini();
  const go = deferred();
  gemini.anyone.does(async (asked) => {
    await go.promise;
    await asked.whole(200, HELLO);
  });
  const keys = ['k1', 'k2', 'k3'];
  const pollux = await t.pollux({ keys, 'pool.pick': 'least-used' });
  const chats = [];

  for (let i = 1; i <= 9; i++) {
    chats.push(pollux.chat('hi'));
    await gemini.request(i);
  }

  assert.deepEqual(
    keys.map((k) => gemini.askedWith(k)),
    [3, 3, 3],
  );
  for (const k of keys) assert.equal((await pollux.key(k)).in_flight, 3);
  go.resolve();
  for (const chat of chats) assert.equal((await chat).text, 'Hello');
  for (const k of keys) assert.equal((await pollux.key(k)).in_flight, 0);
});

flow('a key of which nothing is known is not given to everybody at once', async (t) => {
  const gemini = await t.gemini();
  const go = deferred();
  gemini.for('new').does(async (asked) => {
    await go.promise;
    await asked.whole(200, HELLO);
  });
  const pollux = await t.pollux({ keys: ['old', 'new'] });
  await pollux.ctl('keys', 'disable', 'new');
  for (let i = 0; i < 30; i++) await pollux.chat('hi');
  await pollux.ctl('keys', 'enable', 'new');
  const chats = Array.from({ length: 400 }, () => pollux.chat('hi'));

  await until(() => gemini.asked === 430, 'all to be asked');

  assert.ok(gemini.askedWith('new') <= 5, `${gemini.askedWith('new')} of 400`);
  go.resolve();
  for (const chat of chats) assert.equal((await chat).text, 'Hello');
});

flow('what a killed worker had under way is under way no more', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').hangs();
  const pollux = await t.pollux({ keys: ['k1'], 'server.workers': 1 });
  pollux.mayCrash = true;
  const chats = Array.from({ length: 5 }, () => pollux.chat('hi').catch(() => 'cut off'));
  await gemini.request(5);
  assert.equal((await pollux.key('k1')).in_flight, 5);

  process.kill(pollux.worker(0), 'SIGKILL');

  for (const chat of chats) assert.equal(await chat, 'cut off');
  await until(async () => (await pollux.key('k1')).in_flight === 0, 'them to be taken back');
  assert.equal((await pollux.key('k1')).failures, 0, 'and blamed on nobody');
});

/* ---- connections that were kept, lesson #59 ---- */

/** A deed that resets a connection that has answered before; a new one is answered. */
function stale(answered) {
  return async (asked) => {
    if (answered.has(asked.conn)) {
      asked.reset();
      return;
    }
    answered.add(asked.conn);
    await asked.whole(200, HELLO);
  };
}

flow('a connection that has died meanwhile is replaced once, unseen', async (t) => {
  const gemini = await t.gemini();
  const answered = new Set();
  gemini.for('k1').does(stale(answered));
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER, 'server.workers': 1 });
  await Promise.all(Array.from({ length: 10 }, () => pollux.chat('hi')));
  gemini.requests = [];

  const answer = await pollux.chat('hi');

  assert.equal(answer.text, 'Hello');
  assert.deepEqual(gemini.askers(['k1', 'k2']), ['k1', 'k1'], 'not with each that was kept');
  const { attempts, attempts_made: made } = await pollux.explained(answer);
  assert.deepEqual([made, attempts[0].outcome], [1, 'ok']);
  const k1 = await pollux.key('k1');
  assert.deepEqual([k1.failures, k1.breaker.state], [0, 'closed']);
  assert.equal((await pollux.counts()).retries, 0);
});

flow('a new connection that dies as well is a failure', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').behaves().resets();
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER, 'server.workers': 1 });
  await pollux.chat('hi');

  const answer = await pollux.chat('hi');

  assert.equal(answer.text, 'Hello');
  assert.deepEqual(gemini.askers(['k1', 'k2']), ['k1', 'k1', 'k1', 'k2']);
  const { attempts } = await pollux.explained(answer);
  assert.deepEqual(
    attempts.map((a) => a.outcome),
    ['unreachable', 'ok'],
  );
  assert.equal((await pollux.key('k1')).failures, 1);
});
