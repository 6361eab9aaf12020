// Prompts that begin alike stay with one key, so that Google's implicit cache meets its own:
// through failures and back, and not at the cost of other keys.
//
// Files and caches, which belong to a key, are the matter of remote.
//
// Lessons #65 and #66.

import { assert, deferred, flow, PER_MINUTE, piece, USAGE } from './harness.mjs';

const KEYS = ['k1', 'k2', 'k3', 'k4', 'k5'];
const HELLO = piece('Hello', { finish: 'STOP', usage: USAGE });

/* Nothing shorter meets a cache. */
const LONG = 'You are a patient teacher of whatever is asked. '.repeat(120);

/** A conversation: its turns so far, the next of which the user says. */
function conversation(name) {
  const messages = [
    { role: 'system', content: LONG },
    { role: 'user', content: `I am ${name}.` },
  ];
  return {
    messages,
    goesOn: (answer) =>
      messages.push(
        { role: 'assistant', content: answer.text },
        { role: 'user', content: `And then, after turn ${messages.length}?` },
      ),
  };
}

/** The next turn; gives the key that it went to. */
async function turn(pollux, gemini, talk, fields) {
  const before = gemini.asked;
  const answer = await pollux.chat(talk.messages, fields);
  assert.equal(answer.text, 'Hello', answer.body);
  talk.goesOn(answer);
  return gemini.askers(KEYS, gemini.requests.slice(before)).at(-1);
}

/* Lesson #65. */
flow('a conversation stays with one key, in all workers and framings', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: KEYS, 'server.workers': 3 });
  const talk = conversation('Ada');

  for (let i = 0; i < 6; i++) await turn(pollux, gemini, talk, { stream: i % 2 === 1 });
  const many = await Promise.all(
    Array.from({ length: 3 }, () => pollux.chat(talk.messages, { temperature: 0.5 })),
  );
  for (const answer of many) assert.equal(answer.text, 'Hello');
  assert.equal(new Set(gemini.askers(KEYS)).size, 1);
  const { attempts } = await pollux.explained(many[0]);
  assert.equal(attempts[0].chosen, 'same beginning');

  gemini.requests = [];
  const body = {
    systemInstruction: { parts: [{ text: LONG }] },
    contents: [{ role: 'user', parts: [{ text: 'I am Ada, too.' }] }],
  };
  for (let i = 0; i < 6; i++) {
    const verb = i % 2 ? 'generateContent' : 'streamGenerateContent';
    const native = await pollux.native(verb, body);
    assert.equal(native.status, 200, native.text);
    body.contents.push(
      { role: 'model', parts: [{ text: 'Hello' }] },
      { role: 'user', parts: [{ text: `And then, after turn ${i}?` }] },
    );
  }
  assert.equal(new Set(gemini.askers(KEYS)).size, 1, 'in native words as well');
});

flow('it stays there after a restart', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: KEYS });
  const talk = conversation('Ada');
  const before = await turn(pollux, gemini, talk);

  await pollux.restart();

  for (let i = 0; i < 3; i++) assert.equal(await turn(pollux, gemini, talk), before);
});

flow('conversations are spread over all keys, and short prompts are no conversation', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: KEYS });

  for (let i = 0; i < 80; i++) await turn(pollux, gemini, conversation(`number ${i}`));
  assert.equal(new Set(gemini.askers(KEYS)).size, KEYS.length);

  const { attempts } = await pollux.explained(await pollux.chat('hi'));
  assert.equal(attempts[0].chosen, 'best draw');
});

flow('where the operator wants no affinity the conversation takes its turns', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({
    keys: KEYS,
    'pool.affinity': 'no',
    'pool.pick': 'round-robin',
  });
  const talk = conversation('Ada');

  for (let i = 0; i < 10; i++) await turn(pollux, gemini, talk);

  for (const k of KEYS) assert.equal(gemini.askedWith(k), 2, k);
});

/* Lesson #66: over, and back. */
flow('a conversation goes on with one other key while its own rests, then back', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: KEYS });
  const talk = conversation('Ada');
  const own = await turn(pollux, gemini, talk);
  gemini.for(own).answers(429, { quotaId: PER_MINUTE, quotaValue: '1000', retryDelay: '100s' });

  const other = await turn(pollux, gemini, talk);

  assert.notEqual(other, own);
  for (let i = 0; i < 4; i++) assert.equal(await turn(pollux, gemini, talk), other);
  gemini.replace(own).behaves();
  await pollux.thaw();
  for (let i = 0; i < 4; i++) assert.equal(await turn(pollux, gemini, talk), own);

  await pollux.ctl('keys', 'rm', other);
  for (let i = 0; i < 3; i++) assert.equal(await turn(pollux, gemini, talk), own, 'nor by that');
  await pollux.ctl('keys', 'disable', own);
  const third = await turn(pollux, gemini, talk);
  assert.ok(third !== own && third !== other);
  for (let i = 0; i < 3; i++) assert.equal(await turn(pollux, gemini, talk), third);
});

/* Lesson #66: nobody starves. */
flow('a conversation that asks for much at once is shared out beyond its share', async (t) => {
  const gemini = await t.gemini();
  const go = deferred();
  gemini.anyone.does(async (asked) => {
    await go.promise;
    await asked.whole(200, HELLO);
  });
  const pollux = await t.pollux({ keys: KEYS, 'server.workers': 2 });
  const talk = conversation('Ada');
  const N = 50;

  const chats = [];
  for (let i = 1; i <= N; i++) {
    chats.push(pollux.chat(talk.messages));
    await gemini.request(i);
  }

  const counts = KEYS.map((k) => gemini.askedWith(k)).sort((a, b) => b - a);
  assert.ok(counts[0] <= (2 * N) / KEYS.length + 1, `twice the mean at most: ${counts}`);
  assert.ok(counts.filter((n) => n > 0).length >= 3, `${counts}`);
  go.resolve();
  for (const chat of chats) assert.equal((await chat).text, 'Hello');
  const { passed_over: passed } = await pollux.explained(await chats[N - 1]);
  assert.ok(
    passed.some((p) => p.why === 'busier than its share'),
    JSON.stringify(passed),
  );
});
