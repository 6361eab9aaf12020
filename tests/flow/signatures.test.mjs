// Thought signatures: held here, found by whoever needs them, and never a reason to fail.
//
// Lessons #1 to #6 and #8; fault (e) of a popular peer.

import { assert, flow, until } from './harness.mjs';
import { call, echoed, gathered, tool, turn } from './lib/parts.mjs';

const MODEL = 'gemini-3.5-flash';
const SKIP = 'skip_thought_signature_validator';
const ASK = [{ role: 'user', content: 'Weather in Paris?' }];
const FIELDS = { model: MODEL, tools: [tool('get_temp')] };

/** A call of its own each time: nothing can be found by what it looks like. */
let made = 0;
function paris() {
  made++;
  return turn([
    call('get_temp', { city: `Paris ${made}` }, { id: `fc-${made}`, signature: `U0l${made}` }),
  ]);
}

/** Answers calls with a call, and results with text. */
function converses(gemini) {
  gemini.anyone.does((asked) => {
    const { contents } = asked.json;
    const isAsked = !contents.some((c) => c.role === 'model');
    const chunk = isAsked ? paris() : turn([{ text: '15 degrees' }]);
    return asked.streams ? asked.stream(chunk) : asked.whole(200, chunk);
  });
}

/** The message with a call, without anything that OpenAI does not know. */
async function firstTurn(pollux, { stream = false, ...options } = {}) {
  const answer = await pollux.chat(ASK, { ...FIELDS, stream }, options);
  assert.equal(answer.finish, 'tool_calls', answer.body);
  return echoed(stream ? gathered(answer.chunks) : answer.json.choices[0].message);
}

/** Sends the result; gives the model's turn as Gemini got it. */
async function secondTurn(pollux, gemini, message, options) {
  const answer = await pollux.chat(
    [
      ...ASK,
      message,
      { role: 'tool', tool_call_id: message.tool_calls[0].id, content: '15 degrees' },
    ],
    FIELDS,
    options,
  );
  assert.equal(answer.status, 200, answer.body);
  return gemini.last.json.contents[1].parts[0];
}

function assertIsSigned(part, message) {
  const [, n] = /Paris (\d+)/.exec(message.tool_calls[0].function.arguments);
  assert.equal(part.thoughtSignature, `U0l${n}`);
  assert.equal(part.functionCall.id, `fc-${n}`);
}

flow(
  'a signature is found by every worker, as soon as the answer with its call has ended',
  async (t) => {
    const gemini = await t.gemini();
    converses(gemini);
    const pollux = await t.pollux({ 'server.workers': 2 });
    const workers = new Set(); // each has a connection of its own to Gemini

    for (let i = 0; workers.size < 2 || i < 20; i++) {
      assert.ok(i < 500, 'the other worker gets nothing');
      const message = await firstTurn(pollux, { stream: i % 2 === 1 });
      assertIsSigned(await secondTurn(pollux, gemini, message), message);
      workers.add(gemini.last.conn);
    }
  },
);

/* Lesson #3: ids stay short, and hold nothing. */
flow('ids say nothing of signatures, and survive a restart', async (t) => {
  const gemini = await t.gemini();
  converses(gemini);
  const pollux = await t.pollux();

  const messages = [await firstTurn(pollux), await firstTurn(pollux, { stream: true })];
  for (const { tool_calls: calls } of messages) assert.match(calls[0].id, /^call_[A-Za-z0-9]{24}$/);
  await pollux.restart();

  for (const message of messages)
    assertIsSigned(await secondTurn(pollux, gemini, message), message);
  for (const { path, bytes } of pollux.files())
    assert.ok(!bytes.includes('get_temp'), `${path} holds the call in the clear`);
});

flow('an id from elsewhere finds the signature by what was called', async (t) => {
  const gemini = await t.gemini();
  converses(gemini);
  const pollux = await t.pollux();

  const message = await firstTurn(pollux);
  const renamed = structuredClone(message);
  renamed.tool_calls[0].id = 'toolu_01';
  const args = JSON.parse(renamed.tool_calls[0].function.arguments);
  renamed.tool_calls[0].function.arguments = JSON.stringify(args, null, 2);

  assertIsSigned(await secondTurn(pollux, gemini, renamed), message);
});

flow("one client's signatures are no other's", async (t) => {
  const gemini = await t.gemini();
  converses(gemini);
  const clients = [t.secret('client'), t.secret('client-2')];
  const pollux = await t.pollux({ clients });

  const message = await firstTurn(pollux, { key: clients[0] });
  const stolen = await secondTurn(pollux, gemini, message, { key: clients[1] });
  assert.equal(stolen.thoughtSignature, SKIP);
  assert.equal(stolen.functionCall.id, undefined);
  assertIsSigned(await secondTurn(pollux, gemini, message, { key: clients[0] }), message);
});

flow('a signature of another family of models is not used', async (t) => {
  const gemini = await t.gemini();
  converses(gemini);
  const pollux = await t.pollux();

  const message = await firstTurn(pollux);
  await pollux.chat(
    [...ASK, message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: '15' }],
    { ...FIELDS, model: 'gemini-2.5-flash' },
  );
  assert.equal(gemini.last.json.contents[1].parts[0].thoughtSignature, undefined);
});

/* The last bytes wait for the store, and not for ever. */
flow('a store that stands still holds an answer up for a moment only', async (t) => {
  const gemini = await t.gemini();
  converses(gemini);
  const pollux = await t.pollux();
  const janitor = pollux.janitor();

  process.kill(janitor, 'SIGSTOP');
  try {
    for (const stream of [true, false]) {
      const message = await firstTurn(pollux, { stream });
      assert.equal(message.tool_calls.length, 1);
    }
    await pollux.logs(/warn.*the store is slow/);
  } finally {
    process.kill(janitor, 'SIGCONT');
  }
  /* What was waiting is stored once it can be. */
  const message = await firstTurn(pollux);
  assertIsSigned(await secondTurn(pollux, gemini, message), message);
});

flow('a killed janitor costs no call', async (t) => {
  const gemini = await t.gemini();
  converses(gemini);
  const pollux = await t.pollux();
  pollux.mayCrash = true;

  const before = await firstTurn(pollux, { stream: true });
  const janitor = pollux.janitor();
  process.kill(janitor, 'SIGKILL');
  const meanwhile = await firstTurn(pollux, { stream: true });
  assertIsSigned(await secondTurn(pollux, gemini, before), before);
  const part = await secondTurn(pollux, gemini, meanwhile);
  assert.ok(part.thoughtSignature, 'its own or, where that was lost, the documented one');

  await until(() => pollux.janitor() && pollux.janitor() !== janitor, 'another janitor');
  await until(async () => {
    const message = await firstTurn(pollux);
    const { thoughtSignature } = await secondTurn(pollux, gemini, message);
    return thoughtSignature !== SKIP;
  }, 'signatures to be stored again');
});

/* Lesson #5; mapping section 5: a history that one credential signed and another refuses. */
flow('a refused signature costs one more try, which nobody sees', async (t) => {
  const gemini = await t.gemini();
  converses(gemini);
  const pollux = await t.pollux({ keys: ['k1', 'k2'], 'pool.pick': 'order' });
  const message = await firstTurn(pollux);

  for (const words of [
    'Thought signature is not valid.',
    'Corrupted thought signature.',
    'Function call is missing a thought_signature in functionCall parts.',
    "Invalid value at 'contents[1].parts[0].thought_signature' (TYPE_BYTES), Base64 decoding failed",
  ]) {
    gemini.replace('k1').answers(400, { message: words }).says('15 degrees');
    const asked = gemini.asked;
    const part = await secondTurn(pollux, gemini, message);
    assert.equal(gemini.asked - asked, 2, words);
    const [refused, mended] = gemini.requests.slice(asked);
    assertIsSigned(refused.json.contents[1].parts[0], message);
    assert.equal(part.thoughtSignature, SKIP, words);
    assert.equal(mended.secret, t.secret('k1'), 'it was not the credential');
  }
  gemini.replace('k1').says('15 degrees');
  assertIsSigned(await secondTurn(pollux, gemini, message), message);
});

flow('a second refusal of signatures is told as it is', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  gemini.anyone.gives(paris());
  const message = await firstTurn(pollux);
  const asked = gemini.asked;
  gemini.anyone.answers(400, { message: 'Thought signature is not valid.' });

  const answer = await pollux.chat(
    [...ASK, message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: '15' }],
    FIELDS,
  );

  assert.equal(answer.status, 400);
  assert.equal(answer.error.type, 'invalid_request_error');
  assert.equal(answer.error.message, 'Thought signature is not valid.');
  assert.equal(gemini.asked - asked, 2);
});
