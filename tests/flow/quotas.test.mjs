// Limits of requests a minute, prompt tokens a minute and requests a day: kept to the last one by
// all workers together, shared within a project, learned where Google states them.
//
// A minute cannot be waited for here: what becomes free again is the matter of tests/long.
// What outlives the end of the daemon: chores.  How limits are shown: fitness.
//
// Lessons #19, #26, #46 to #50.

import { assert, deferred, fault, flow, PER_DAY, PER_MINUTE, piece, until } from './harness.mjs';

const MODEL = 'gemini-2.5-flash';
const ORDER = { 'pool.pick': 'order', 'pool.affinity': 'no' };
const limited = (limits) => ({ config: `model "${MODEL}" {\n${limits}\n}\n` });

const burst = (n, ask) => Promise.all(Array.from({ length: n }, (_, i) => ask(i)));
const countOf = (answers, status) => answers.filter((a) => a.status === status).length;

/** The words of a 429 that passes by itself, and when: within a minute, or SDKs would sleep. */
function saysWhen(answer) {
  assert.equal(answer.status, 429, answer.body);
  assert.equal(answer.error.code, 'rate_limit_exceeded');
  const { 'retry-after': after, 'x-should-retry': should } = answer.headers;
  if (after === undefined) assert.equal(should, 'false');
  else assert.ok(after > 50 && after <= 60, `retry-after: ${after}`);
}

/* ---- requests a minute ---- */

/* Lesson #46. */
flow('no worker sends what another has used up, in one burst', async (t) => {
  const gemini = await t.gemini();
  const keys = ['k1', 'k2'];
  const pollux = await t.pollux({
    keys,
    ...limited('rpm = 5'),
    'server.workers': 4,
    'queue.max_wait': '0s',
  });

  const answers = await burst(80, () => pollux.chat('hi'));

  assert.equal(countOf(answers, 200), 10);
  assert.equal(countOf(answers, 429), 70);
  for (const k of keys) assert.equal(gemini.askedWith(k), 5, k);
  for (const answer of answers) if (answer.status !== 200) saysWhen(answer);
  for (const k of keys) {
    const { state, cause, models, failures } = await pollux.key(k);
    assert.deepEqual([state, cause, failures], ['full', 'rpm', 0]);
    assert.deepEqual(models[MODEL].limits.rpm, { limit: 5, from: 'configuration', used: 5 });
  }
  saysWhen(await pollux.chat('hi'));
  assert.equal((await pollux.chat('hi', { model: 'gemini-2.5-pro' })).status, 200);
});

/* Lesson #46: what counts is what upstream may have seen, whatever came of it. */
flow('a request counts, be it answered, refused, left or lost with its worker', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({
    ...limited('rpm = 5'),
    'server.workers': 1,
    'queue.max_wait': '0s',
  });
  pollux.mayCrash = true;
  gemini.for('k1').behaves().answers(400).hangs();
  assert.equal((await pollux.chat('hi')).status, 200);
  assert.equal((await pollux.chat('hi')).status, 400);
  const raw = await pollux.dial();
  await raw.send(pollux.chatBytes('hi'));
  const left = await gemini.request(3);
  raw.leave();
  await left.aborted();
  const lost = pollux.chat('hi').catch(() => 'lost');
  await gemini.request(4);
  process.kill(pollux.worker(0), 'SIGKILL');
  assert.equal(await lost, 'lost');
  gemini.replace('k1').behaves();

  const answers = await burst(6, () => pollux.chat('hi'));

  assert.deepEqual([countOf(answers, 200), countOf(answers, 429)], [1, 5]);
  assert.equal(gemini.asked, 5);
});

/* A kept connection that breaks is replaced unseen; Google may have read both requests, and 15 of
   them were once sent where 8 were allowed. */
flow('a request that is sent twice counts twice', async (t) => {
  const gemini = await t.gemini();
  const used = new Set();
  gemini.for('k1').does((asked) => {
    if (used.has(asked.conn)) return asked.reset();
    used.add(asked.conn);
    return asked.whole(200, piece('Hello', { finish: 'STOP' }));
  });
  const pollux = await t.pollux({
    ...limited('rpm = 5'),
    'server.workers': 1,
    'queue.max_wait': '0s',
  });

  const answers = [];
  for (let i = 0; i < 8; i++) answers.push(await pollux.chat('hi'));

  assert.equal(gemini.asked, 5);
  assert.deepEqual([countOf(answers, 200), countOf(answers, 429)], [3, 5]);
});

flow('what was never sent counts for nothing', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ ...limited('rpm = 3'), 'queue.max_wait': '0s' });
  await gemini.disappear();
  for (let i = 0; i < 3; i++) assert.ok((await pollux.chat('hi')).status >= 502);
  await gemini.listen();
  await pollux.thaw();

  const answers = await burst(6, () => pollux.chat('hi'));

  assert.deepEqual([countOf(answers, 200), countOf(answers, 429)], [3, 3]);
});

flow('counting and lists cost nothing of a limit', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ ...limited('rpm = 1'), 'queue.max_wait': '0s' });

  for (let i = 0; i < 3; i++)
    assert.equal((await pollux.native('countTokens', { contents: [] })).status, 200);
  assert.equal((await pollux.get('/v1beta/models')).status, 200);

  assert.equal((await pollux.chat('hi')).status, 200);
  assert.equal((await pollux.chat('hi')).status, 429);
  assert.ok(gemini.asked >= 4);
});

/* ---- requests a day ---- */

/* Lesson #19. */
flow("a day's limit is kept before Google says no", async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({
    keys: ['k1', 'k2'],
    ...limited('rpd = 4'),
    'server.workers': 3,
  });

  const answers = await burst(30, () => pollux.chat('hi'));

  assert.deepEqual([countOf(answers, 200), gemini.asked], [8, 8]);
  for (const answer of answers.filter((a) => a.status !== 200)) {
    assert.deepEqual([answer.status, answer.error.code], [429, 'insufficient_quota']);
    assert.equal(answer.headers['x-should-retry'], 'false');
    assert.equal(answer.headers['retry-after'], undefined);
  }
  const { state, cause, free_in_s: free, day_ends_in_s: ends } = await pollux.key('k1');
  assert.deepEqual([state, cause], ['full', 'rpd']);
  assert.ok(free >= ends - 2 && free <= ends + 121, `${free} s, the day ends in ${ends} s`);
});

/* ---- prompt tokens a minute ---- */

/** Answers as Google does, whose tokenizer takes four letters for a token; counts what it took. */
function tokenizer(gemini) {
  const took = { tokens: 0 };
  gemini.anyone.does(async (asked) => {
    const tokens = Math.ceil(JSON.stringify(asked.json.contents).length / 4);
    took.tokens += tokens;
    const usage = { promptTokenCount: tokens, totalTokenCount: tokens };
    await took.go?.promise;
    await asked.whole(200, piece('Hello', { finish: 'STOP', usage }));
  });
  return took;
}

/* Lessons #48 and #50. */
flow('tokens are reserved before they are sent, so a burst does not go over', async (t) => {
  const gemini = await t.gemini();
  const took = tokenizer(gemini);
  took.go = deferred();
  const pollux = await t.pollux({
    ...limited('tpm = 2000'),
    'server.workers': 4,
    'queue.max_wait': '0s',
  });

  let refused = 0;
  const chats = burst(40, async () => {
    const answer = await pollux.chat('word '.repeat(200));
    if (answer.status !== 200) refused++;
    return answer;
  });
  await until(() => refused + gemini.underWay === 40, 'all to be sent or refused');
  took.go.resolve();
  const answers = await chats;

  assert.ok(countOf(answers, 200) >= 2, 'some fit');
  assert.ok(took.tokens <= 2000, `${took.tokens} tokens`);
  for (const answer of answers) if (answer.status !== 200) saysWhen(answer);
});

/* Lesson #47: what is settled is what Google counted, and requests have a minute of their own. */
flow('nearly all of a limit of tokens can be used, beside one of requests', async (t) => {
  const gemini = await t.gemini();
  const took = tokenizer(gemini);
  const pollux = await t.pollux({
    ...limited('tpm = 4000\nrpm = 1000'),
    'queue.max_wait': '0s',
  });
  let answer;

  do answer = await pollux.chat('word '.repeat(20));
  while (answer.status === 200 && gemini.asked < 1000);

  saysWhen(answer);
  assert.ok(took.tokens <= 4000 && took.tokens > 3800, `${took.tokens} of 4000 tokens`);
  const { limits } = (await pollux.key('k1')).models[MODEL];
  assert.equal(limits.tpm.used, took.tokens);
  assert.equal(limits.rpm.used, gemini.asked);
  const short = await pollux.native('countTokens', { contents: [] });
  assert.equal(short.status, 200, 'counting goes on');
});

/* ---- projects ---- */

async function addOf(pollux, t, name, project) {
  const words = project ? ['--project', project] : [];
  await pollux.ctl('keys', 'add', '--label', name, ...words, { input: t.secret(name) });
}

/* Lesson #26. */
flow('keys of one project share its limits, others have their own', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({
    keys: [],
    ...limited('rpm = 4\nrpd = 100'),
    'server.workers': 3,
    'queue.max_wait': '0s',
  });
  for (const [name, project] of [['a1', 'a'], ['a2', 'a'], ['a3', 'a'], ['b1', 'b'], ['c1']])
    await addOf(pollux, t, name, project);

  const answers = await burst(40, () => pollux.chat('hi'));

  assert.equal(countOf(answers, 200), 12);
  const [a1, a2, a3, b1, c1] = ['a1', 'a2', 'a3', 'b1', 'c1'].map((k) => gemini.askedWith(k));
  assert.deepEqual([a1 + a2 + a3, b1, c1], [4, 4, 4]);
  for (const name of ['a1', 'a2', 'a3']) {
    const { state, models } = await pollux.ctl('keys', 'show', name);
    assert.deepEqual([state, models[MODEL].limits.rpm.used], ['full', 4], name);
    assert.equal(models[MODEL].limits.rpd.used, 4, name);
  }
});

/* ---- what Google states ---- */

flow('limits that a refusal states are kept from then on, by all workers', async (t) => {
  const gemini = await t.gemini();
  const refusal = { quotaId: PER_MINUTE, quotaValue: '3', retryDelay: '40s' };
  gemini.for('k1').answers(429, refusal).behaves();
  const pollux = await t.pollux({
    'server.workers': 3,
    'queue.max_wait': '0s',
    'upstream.max_attempts': 1,
    'pool.freeze_min': '1ms',
    'pool.freeze_max': '1ms', // the key is back before we look; a thaw would forget the limit
  });
  assert.equal((await pollux.chat('hi')).status, 429);
  const learned = (await pollux.key('k1')).models[MODEL].limits;
  assert.deepEqual([learned.rpm.limit, learned.rpm.from], [3, 'learned']);
  assert.ok(learned.learned_s > 0);

  const answers = await burst(20, () => pollux.chat('hi'));

  assert.deepEqual([countOf(answers, 200), gemini.asked], [3, 4]);
  for (const answer of answers) if (answer.status !== 200) saysWhen(answer);
});

flow('what the operator set beats what a refusal states', async (t) => {
  const gemini = await t.gemini();
  const refusal = fault(429, { quotaId: PER_DAY, quotaValue: '2', retryDelay: '1s' });
  gemini.for('k1').answers(429, { body: refusal }).behaves();
  const pollux = await t.pollux({ ...limited('rpd = 6'), 'server.workers': 2 });
  assert.equal((await pollux.chat('hi')).status, 429);
  await pollux.thaw();

  const answers = await burst(20, () => pollux.chat('hi'));

  assert.equal(countOf(answers, 200), 5, 'the refused one counts as well');
  const { limits } = (await pollux.key('k1')).models[MODEL];
  assert.deepEqual(limits.rpd, { limit: 6, from: 'configuration', used: 6 });
});
