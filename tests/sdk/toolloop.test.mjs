// Tool loops on a Gemini 3 that checks its signatures, with the official SDKs, unmodified: the
// promise is that a program needs to know nothing of signatures, whatever it does to its history.

import http from 'node:http';
import { Readable } from 'node:stream';
import { assert, flow, until } from '../flow/harness.mjs';
import { calls, says, SKIP, Thinker } from '../flow/lib/thinker.mjs';
import { genai, openai, refusal } from './sdks.mjs';

const MODEL = 'gemini-3-flash-preview';
const CLIENTS = ['plx-client-of-the-first-program', 'plx-client-of-the-second-program'];

/** Five turns of the model's, two of them with calls at once; then a second question. */
const TRIP = [
  [
    calls(
      ['weather', { city: 'Zürich', unit: '°C' }],
      ['weather', { city: 'London', unit: '°C' }],
    ),
    calls(['find_train', { from: 'Zürich', via: ['Basel', 'Paris'], seat: { row: 7, by: null } }]),
    says('Let me see what is left.', calls(['seats', {}], ['seats', { class: 1, share: 0.25 }])),
    calls(['book', { note: 'a "quoted"\n/line\\ and \u{1F682}', price: 1e21, sure: true }]),
    says('All is booked.'),
  ],
  [calls(['weather', { city: 'Paris', unit: '°C' }]), says('It will rain.')],
];
const QUESTIONS = ['Get me to London.', 'And the weather in Paris?'];
const STEPS = TRIP.flat().length;

const NAMES = ['weather', 'find_train', 'seats', 'book'];
const TOOLS = NAMES.map((name) => ({
  type: 'function',
  function: {
    name,
    description: `The tool ${name}.`,
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
}));

/** What the tool said: an object, a text, a list. */
const RESULTS = ['{"celsius": 12}', 'There is nothing.', '[1, 2]'];
const resultOf = (n) => RESULTS[n % RESULTS.length];

/* ---- programs that speak OpenAI's dialect ---- */

/** fetch() with a connection for each request, so that any worker may get it. */
async function fetchAfresh(url, { method, headers, body, signal } = {}) {
  const request = http.request(url, {
    method,
    agent: false,
    signal,
    headers: Object.fromEntries(new Headers(headers)),
  });
  request.end(body);
  const answer = await new Promise((resolve, reject) => {
    request.on('response', resolve).on('error', reject);
  });
  return new Response(Readable.toWeb(answer), {
    status: answer.statusCode,
    headers: Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
  });
}

const fresh = (pollux, apiKey = pollux.clientKey) => openai(pollux, { apiKey, fetch: fetchAfresh });

/** What a program that keeps all it is told makes of a stream. */
async function gather(stream) {
  const message = {};
  let finish = null;
  for await (const chunk of stream) {
    const choice = chunk.choices[0];
    if (!choice) continue;
    const { tool_calls: made = [], ...rest } = choice.delta;
    for (const [name, value] of Object.entries(rest))
      message[name] = typeof value === 'string' ? (message[name] ?? '') + value : value;
    for (const { index, ...call } of made) {
      message.tool_calls ??= [];
      assert.equal(message.tool_calls[index], undefined, 'a call comes in one piece');
      message.tool_calls[index] = call;
    }
    finish ??= choice.finish_reason;
  }
  return { message, finish };
}

const ask = {
  whole: async (client, body) => {
    const { data, response } = await client.chat.completions.create(body).withResponse();
    return {
      message: data.choices[0].message,
      finish: data.choices[0].finish_reason,
      id: response.headers.get('x-request-id'),
    };
  },
  streamed: async (client, body) => {
    const { data, response } = await client.chat.completions
      .create({ ...body, stream: true })
      .withResponse();
    return { ...(await gather(data)), id: response.headers.get('x-request-id') };
  },
  "by the SDK's own helper": async (client, body) => {
    const { choices } = await client.chat.completions.stream(body).finalChatCompletion();
    return { message: choices[0].message, finish: choices[0].finish_reason };
  },
};

/** The same JSON as another program would print it. */
function reprint(json) {
  const turned = (value) => {
    if (Array.isArray(value)) return value.map(turned);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value)
        .map(([name, v]) => [name, turned(v)])
        .reverse(),
    );
  };
  return JSON.stringify(turned(JSON.parse(json)), null, 3).replaceAll('Z', '\\u005a');
}

let invented = 0;

/** What programs make of an answer before they send it back. */
const keep = {
  'all that it was told': (message) => message,
  'only what OpenAI names': ({ role, content, tool_calls: made }) => ({
    role,
    content,
    ...(made && {
      tool_calls: made.map(({ id, type, function: f }) => ({
        id,
        type,
        function: { name: f.name, arguments: f.arguments },
      })),
    }),
  }),
  'ids of its own and arguments printed anew': ({ role, content, tool_calls: made }) => ({
    role,
    content,
    ...(made && {
      tool_calls: made.map(({ type, function: f }) => ({
        id: `own-${++invented}`,
        type,
        function: { name: f.name, arguments: reprint(f.arguments) },
      })),
    }),
  }),
};

/** A call as the program sees it; its id is short, new and nobody's secret. */
function checkCalls(made, expected, seen, thinker) {
  assert.deepEqual(
    made.map((c) => [c.type, c.function.name, JSON.parse(c.function.arguments)]),
    expected.map((c) => ['function', c.name, c.args]),
  );
  for (const { id } of made) {
    assert.match(id, /^[\w-]{1,40}$/);
    assert.ok(!seen.has(id), 'no two calls have one id');
    assert.ok(!thinker.signatures.some((s) => id.includes(s.slice(0, 8))), 'an id is only an id');
    seen.add(id);
  }
}

function checkAnswer({ message, finish }, step, seen, thinker) {
  assert.equal(message.role, 'assistant');
  assert.equal(message.content || '', step.text ?? '');
  assert.equal(finish, step.calls.length ? 'tool_calls' : 'stop');
  checkCalls(message.tool_calls ?? [], step.calls, seen, thinker);
}

/** The tools' answers, the last call's first. */
function toolMessages(made) {
  return made
    .map((c, n) => ({ role: 'tool', tool_call_id: c.id, content: resultOf(n) }))
    .reverse();
}

/**
 * Plays the whole trip.  asked: one request, in the program's way.  between: happens behind the
 * n-th answer.
 */
async function travel(thinker, asked, kept, between = () => {}) {
  const messages = [{ role: 'system', content: 'Be brief.' }];
  const seen = new Set();
  let n = 0;
  for (const [turn, steps] of TRIP.entries()) {
    messages.push({ role: 'user', content: QUESTIONS[turn] });
    for (const step of steps) {
      const answer = await asked({
        model: MODEL,
        messages: [...messages],
        tools: TOOLS,
        reasoning_effort: 'low',
      });
      checkAnswer(answer, step, seen, thinker);
      const message = kept(answer.message);
      messages.push(message, ...toolMessages(message.tool_calls ?? []));
      await between(++n);
    }
  }
  return messages;
}

/** Nothing had to be made up, and nothing was lost of what is only recommended. */
function checkThinker(thinker, gemini, { texts = false, asked = STEPS } = {}) {
  assert.deepEqual(thinker.refusals, []);
  assert.equal(thinker.skips, 0, 'the placeholder was not needed');
  assert.equal(thinker.unsigned, 0, 'calls of earlier turns are signed, too');
  if (texts) assert.equal(thinker.unsignedTexts, 0, 'so are texts');
  assert.equal(gemini.asked, asked, 'each answer was asked for once');
}

/** The number of the worker that answered. */
async function workerOf(pollux, id) {
  const line = new RegExp(`worker (\\d+) \\S+ exchange closed id=${id} `);
  await pollux.logs(line);
  return line.exec(pollux.said)[1];
}

/** Asks until another worker than the last one has answered; gives that answer. */
function byTurns(pollux, way) {
  let last;
  return async (body) => {
    let answer;
    await until(async () => {
      answer = await ask[way](fresh(pollux), body);
      const worker = await workerOf(pollux, answer.id);
      return worker !== last && (last = worker);
    }, 'another worker to answer');
    return answer;
  };
}

for (const [name, kept] of Object.entries(keep)) {
  const texts = kept === keep['all that it was told'];

  for (const way of Object.keys(ask)) {
    if (way.includes('helper') && texts) continue; // it forgets what OpenAI does not name
    flow(`a tool loop, ${way}; the program keeps ${name}`, async (t) => {
      const gemini = await t.gemini();
      const thinker = new Thinker(TRIP);
      gemini.anyone.does(thinker.answer);
      const pollux = await t.pollux();
      const client = fresh(pollux);

      await travel(thinker, (body) => ask[way](client, body), kept);
      checkThinker(thinker, gemini, { texts });
    });
  }

  for (const way of ['whole', 'streamed']) {
    flow(`a tool loop, ${way}, over a restart; the program keeps ${name}`, async (t) => {
      const gemini = await t.gemini();
      const thinker = new Thinker(TRIP);
      gemini.anyone.does(thinker.answer);
      const pollux = await t.pollux();

      await travel(
        thinker,
        (body) => ask[way](fresh(pollux), body),
        kept,
        (n) => (n === 1 || n === 3 ? pollux.restart() : undefined),
      );
      checkThinker(thinker, gemini, { texts });
    });

    flow(`a tool loop, ${way}, worker by worker; the program keeps ${name}`, async (t) => {
      const gemini = await t.gemini();
      const thinker = new Thinker(TRIP);
      gemini.anyone.does(thinker.answer);
      const pollux = await t.pollux({ 'log.level': 'debug' });

      await travel(thinker, byTurns(pollux, way), kept);
      checkThinker(thinker, gemini, { texts, asked: gemini.asked });
    });
  }
}

for (const stream of [false, true]) {
  flow(`runTools plays the loop by itself, stream: ${stream}`, async (t) => {
    const gemini = await t.gemini();
    const thinker = new Thinker(TRIP);
    gemini.anyone.does(thinker.answer);
    const pollux = await t.pollux();
    const ran = [];
    const tools = TOOLS.map((tool) => ({
      ...tool,
      function: { ...tool.function, function: () => `run ${ran.push(tool.function.name)}` },
    }));

    const runner = fresh(pollux).chat.completions.runTools({
      model: MODEL,
      messages: [{ role: 'user', content: QUESTIONS[0] }],
      tools,
      stream,
    });

    assert.equal(await runner.finalContent(), 'All is booked.');
    assert.deepEqual(ran, TRIP[0].flatMap((step) => step.calls).map((c) => c.name));
    checkThinker(thinker, gemini, { asked: TRIP[0].length });
  });
}

/* ---- what a signature is, and what is made of one that is missing ---- */

/** One question, its tool loop and all the program kept of it. */
async function loop(client, thinker, messages, { model = MODEL, ...fields } = {}) {
  for (;;) {
    const { choices } = await client.chat.completions.create({
      model,
      messages,
      tools: TOOLS,
      ...fields,
    });
    const message = keep['only what OpenAI names'](choices[0].message);
    messages.push(message);
    if (!message.tool_calls) return message.content;
    messages.push(...toolMessages(message.tool_calls));
  }
}

flow('the same call twice is two calls, each with its own signature', async (t) => {
  const gemini = await t.gemini();
  const twice = calls(['seats', {}], ['seats', {}]);
  const thinker = new Thinker([[twice, calls(['seats', {}]), twice, says('Two.')]]);
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();

  const said = await loop(fresh(pollux), thinker, [{ role: 'user', content: 'How many?' }]);

  assert.equal(said, 'Two.');
  checkThinker(thinker, gemini, { asked: 4 });
});

flow('numbers that a program prints otherwise are the same call', async (t) => {
  const gemini = await t.gemini();
  const made = calls(['seats', { row: 2, price: 1e21, share: 0.5, zero: 0 }]);
  const args = '{"row": 2.0, "price": 1e+21, "share": 5e-1, "zero": 0.0}';
  const thinker = new Thinker([[made, says('Two.')]]);
  gemini.anyone
    .does((asked) => {
      const whole = asked.whole.bind(asked);
      const asIs = JSON.stringify(made.calls[0].args);
      asked.whole = (status, body) => whole(status, JSON.stringify(body).replace(asIs, args));
      return thinker.answer(asked);
    })
    .does(thinker.answer);
  const pollux = await t.pollux();
  const client = fresh(pollux);
  const messages = [{ role: 'user', content: 'Which?' }];

  const { choices } = await client.chat.completions.create({ model: MODEL, messages, tools: TOOLS });
  assert.match(choices[0].message.tool_calls[0].function.arguments, /2\.0/);
  const message = keep['ids of its own and arguments printed anew'](choices[0].message);
  messages.push(message, ...toolMessages(message.tool_calls));

  assert.equal(await loop(client, thinker, messages), 'Two.');
  checkThinker(thinker, gemini, { asked: 2 });
});

flow('parallel_tool_calls: false keeps the first call, which is the signed one', async (t) => {
  const gemini = await t.gemini();
  const both = calls(['seats', { class: 1 }], ['seats', { class: 2 }]);
  const thinker = new Thinker([[both, both, says('Both.')]]);
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();
  const messages = [{ role: 'user', content: 'Which?' }];

  const said = await loop(fresh(pollux), thinker, messages, { parallel_tool_calls: false });

  assert.equal(said, 'Both.');
  assert.deepEqual(
    messages.filter((m) => m.tool_calls).map((m) => m.tool_calls.length),
    [1, 1],
  );
  checkThinker(thinker, gemini, { asked: 3 });
});

flow('a program that copies the signature to every call of an answer', async (t) => {
  const gemini = await t.gemini();
  const thinker = new Thinker([[TRIP[0][0], says('Done.')]]);
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();
  const client = fresh(pollux);
  const messages = [{ role: 'user', content: 'Go.' }];
  const body = { model: MODEL, messages, tools: TOOLS };
  const { message } = (await client.chat.completions.create(body)).choices[0];
  const [{ extra_content: signed }] = message.tool_calls;

  for (const id of [(c) => c.id, (c, i) => `own-${i}`]) {
    const made = message.tool_calls.map((c, i) => ({ ...c, id: id(c, i), extra_content: signed }));
    const history = [...messages, { ...message, tool_calls: made }, ...toolMessages(made)];
    const { choices } = await client.chat.completions.create({ ...body, messages: history });
    assert.equal(choices[0].message.content, 'Done.');
  }
  checkThinker(thinker, gemini, { asked: 3 });
});

flow('a choice among several goes on with its own signature', async (t) => {
  const gemini = await t.gemini();
  const thinker = new Thinker([[TRIP[0][0], says('Done.')]]);
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();
  const client = fresh(pollux);
  const messages = [{ role: 'user', content: 'Go.' }];
  const body = { model: MODEL, messages, tools: TOOLS };
  const { choices } = await client.chat.completions.create({ ...body, n: 3 });
  const ids = choices.flatMap((c) => c.message.tool_calls.map((made) => made.id));
  assert.equal(new Set(ids).size, 6);

  for (const choice of choices) {
    const message = keep['only what OpenAI names'](choice.message);
    const history = [...messages, message, ...toolMessages(message.tool_calls)];
    const next = await client.chat.completions.create({ ...body, messages: history });
    assert.equal(next.choices[0].message.content, 'Done.');
  }
  checkThinker(thinker, gemini, { asked: 6 });
});

flow('many loops at once do not mix up their calls', async (t) => {
  const gemini = await t.gemini();
  const thinker = new Thinker(TRIP);
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();
  const client = fresh(pollux);
  const ways = Object.keys(ask);

  await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      travel(
        thinker,
        (body) => ask[ways[i % ways.length]](client, body),
        keep['only what OpenAI names'],
      ),
    ),
  );
  checkThinker(thinker, gemini, { asked: 12 * STEPS });
});

/** Tools whose calls are not for Gemini as they are: [as Gemini makes the call, as OpenAI has it] */
const ODD_TOOLS = [
  {
    tool: { type: 'function', function: { name: '3d/rotate this', parameters: { type: 'object' } } },
    args: { by: 90 },
    said: (c) => [c.function.name, c.function.arguments],
    expected: ['3d/rotate this', '{"by":90}'],
  },
  {
    tool: { type: 'function', function: { name: 'x'.repeat(80), parameters: { type: 'object' } } },
    args: {},
    said: (c) => [c.function.name, c.function.arguments],
    expected: ['x'.repeat(80), '{}'],
  },
  {
    tool: {
      type: 'function',
      function: { name: 'list', parameters: { type: 'array', items: { type: 'string' } } },
    },
    args: { value: ['a', 'b'] },
    said: (c) => [c.function.name, c.function.arguments],
    expected: ['list', '["a","b"]'],
  },
  {
    tool: { type: 'custom', custom: { name: 'shell', description: 'Runs it.' } },
    args: { input: 'ls -l' },
    said: (c) => [c.custom.name, c.custom.input],
    expected: ['shell', 'ls -l'],
  },
];

for (const stream of [false, true]) {
  flow(`tools that Gemini knows by another name or form, stream: ${stream}`, async (t) => {
    const gemini = await t.gemini();
    const steps = []; // filled when the names are known
    const thinker = new Thinker([steps]);
    gemini.anyone.does((asked) => {
      const declared = asked.json.tools[0].functionDeclarations;
      const made = ODD_TOOLS.map(({ args }, i) => [declared[i].name, args]);
      steps.splice(0, 3, calls(...made), calls(...made.slice(2)), says('Done.'));
      return thinker.answer(asked);
    });
    const pollux = await t.pollux();
    const tools = ODD_TOOLS.map((odd) => odd.tool);
    const way = stream ? 'streamed' : 'whole';

    for (const ownIds of [false, true]) {
      const messages = [{ role: 'user', content: 'Go.' }];
      for (let step = 0; step < 3; step++) {
        const { message } = await ask[way](fresh(pollux), { model: MODEL, messages, tools });
        const made = (message.tool_calls ?? []).map(({ extra_content: _, ...c }) => ({
          ...c,
          id: ownIds ? `own-${++invented}` : c.id,
        }));
        assert.deepEqual(
          made.map((c, i) => ODD_TOOLS[i + 4 - made.length].said(c)),
          ODD_TOOLS.slice(4 - made.length).map((odd) => odd.expected),
        );
        messages.push({ role: 'assistant', content: message.content }, ...toolMessages(made));
        if (made.length) messages.at(-1 - made.length).tool_calls = made;
      }
      assert.equal(messages.at(-1).content, 'Done.');
    }
    checkThinker(thinker, gemini, { asked: 6 });
  });
}

flow('the program without a name, where anyone may ask, keeps its signatures, too', async (t) => {
  const gemini = await t.gemini();
  const thinker = new Thinker(TRIP);
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux({ clients: [], 'auth.anonymous': 'yes' });

  await travel(
    thinker,
    (body) => ask.whole(fresh(pollux, 'anything'), body),
    keep['ids of its own and arguments printed anew'],
  );
  checkThinker(thinker, gemini);
});

/** A history that another model made. */
function foreignHistory() {
  const call = (id, city) => ({
    id,
    type: 'function',
    function: { name: 'weather', arguments: JSON.stringify({ city }) },
  });
  return [
    { role: 'user', content: 'The weather in Rome and Oslo?' },
    { role: 'assistant', content: null, tool_calls: [call('call_a', 'Rome'), call('toolu_b', 'Oslo')] },
    { role: 'tool', tool_call_id: 'toolu_b', content: 'cold' },
    { role: 'tool', tool_call_id: 'call_a', content: 'warm' },
  ];
}

flow('a history of another model passes with the placeholder', async (t) => {
  const gemini = await t.gemini();
  const thinker = new Thinker(
    [[says('unreached'), calls(['weather', { city: 'Rome' }]), calls(['seats', {}]), says('Fine.')]],
    { allowsSkips: true },
  );
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();

  assert.equal(await loop(fresh(pollux), thinker, foreignHistory()), 'Fine.');

  assert.deepEqual(thinker.refusals, []);
  assert.equal(thinker.skips, 3, 'once in each request: what came later has its own signature');
  const [, model] = gemini.last.json.contents;
  assert.equal(model.parts[0].thoughtSignature, SKIP);
  assert.ok(!('thoughtSignature' in model.parts[1]), 'only the first of a step needs one');
  assert.ok(!('id' in model.parts[0].functionCall), 'no id is made up');
});

flow('a history of another model goes to an older Gemini as it is', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  await loop(fresh(pollux), null, foreignHistory(), { model: 'gemini-2.5-flash' });

  assert.ok(!gemini.last.body.includes('thoughtSignature'));
});

for (const stream of [false, true]) {
  flow(`a signature that is refused gives way to the placeholder, stream: ${stream}`, async (t) => {
    const gemini = await t.gemini();
    const thinker = new Thinker([[TRIP[0][0], TRIP[0][1], says('Done.')]], { allowsSkips: true });
    gemini.anyone.does(thinker.answer);
    const pollux = await t.pollux();
    const way = stream ? 'streamed' : 'whole';
    const messages = [{ role: 'user', content: 'Go.' }];
    const next = async () => {
      const { message } = await ask[way](fresh(pollux), { model: MODEL, messages, tools: TOOLS });
      messages.push(message, ...toolMessages(message.tool_calls ?? []));
      return message;
    };

    await next();
    thinker.forgets(); // as if another project's key were lent
    await next();
    assert.equal((await next()).content, 'Done.');

    assert.deepEqual(
      thinker.refusals,
      Array(2).fill('Thought signature is not valid'),
      'each of the two was refused once, unseen by the program',
    );
    assert.equal(gemini.asked, 5);
    assert.equal(thinker.skips, 3, 'all signatures of a request give way');
  });
}

flow("nobody can recall another client's calls", async (t) => {
  const gemini = await t.gemini();
  const thinker = new Thinker([[TRIP[0][0], says('unreached')]], { allowsSkips: true });
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux({ clients: CLIENTS });
  const [first, second] = CLIENTS.map((key) => fresh(pollux, key));
  const messages = [{ role: 'user', content: 'Go.' }];
  const body = { model: MODEL, messages, tools: TOOLS };
  const { choices } = await first.chat.completions.create(body);
  const answer = choices[0].message;

  for (const name of ['only what OpenAI names', 'ids of its own and arguments printed anew']) {
    const message = keep[name](answer);
    const history = [...messages, message, ...toolMessages(message.tool_calls)];

    await second.chat.completions.create({ ...body, messages: history });
    const [foreign] = gemini.last.json.contents[1].parts;
    assert.equal(foreign.thoughtSignature, SKIP, name);
    assert.equal(foreign.functionCall.id, undefined, name);

    await first.chat.completions.create({ ...body, messages: history });
    const [own] = gemini.last.json.contents[1].parts;
    assert.equal(own.thoughtSignature, thinker.signatures[0], name);
    assert.match(own.functionCall.id, /^fc-\d+$/, name);
  }
  assert.deepEqual(thinker.refusals, []);
});

/* ---- programs that speak Gemini's own dialect ---- */

const CONFIG = {
  systemInstruction: 'Be brief.',
  thinkingConfig: { includeThoughts: true },
  tools: [{ functionDeclarations: NAMES.map((name) => ({ name, description: `Does ${name}.` })) }],
};

/** The parts of an answer, as Google's manual has them put back. */
const askNatively = {
  whole: async (ai, contents) =>
    (await ai.models.generateContent({ model: MODEL, contents, config: CONFIG })).candidates[0]
      .content.parts,
  streamed: async (ai, contents) => {
    const parts = [];
    for await (const chunk of await ai.models.generateContentStream({
      model: MODEL,
      contents,
      config: CONFIG,
    }))
      parts.push(...chunk.candidates[0].content.parts);
    return parts;
  },
};

async function travelNatively(asked, between = () => {}) {
  const contents = [];
  let n = 0;
  for (const [turn, steps] of TRIP.entries()) {
    contents.push({ role: 'user', parts: [{ text: QUESTIONS[turn] }] });
    for (const step of steps) {
      const parts = await asked(contents);
      const made = parts.filter((p) => p.functionCall).map((p) => p.functionCall);
      const spoken = parts.filter((p) => p.text && !p.thought).map((p) => p.text);
      assert.equal(spoken.join(''), step.text ?? '');
      assert.ok(parts[0].thought, 'thoughts were asked for');
      assert.deepEqual(
        made.map(({ name, args }) => ({ name, args })),
        step.calls,
      );
      contents.push({ role: 'model', parts: parts.filter((p) => !p.thought) });
      if (made.length)
        contents.push({
          role: 'user',
          parts: made.map(({ id, name }) => ({
            functionResponse: { id, name, response: { output: 'fine' } },
          })),
        });
      await between(++n);
    }
  }
}

for (const way of Object.keys(askNatively)) {
  for (const restarts of [false, true]) {
    flow(`a tool loop of Google's SDK, ${way}${restarts ? ', over a restart' : ''}`, async (t) => {
      const gemini = await t.gemini();
      const thinker = new Thinker(TRIP);
      gemini.anyone.does(thinker.answer);
      const pollux = await t.pollux();

      await travelNatively(
        (contents) => askNatively[way](genai(pollux), contents),
        (n) => (restarts && (n === 1 || n === 3) ? pollux.restart() : undefined),
      );
      checkThinker(thinker, gemini);
    });
  }
}

flow("a chat of Google's SDK keeps its signatures by itself", async (t) => {
  const gemini = await t.gemini();
  const thinker = new Thinker([[TRIP[0][0], TRIP[0][1], says('Done.')]]);
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();
  const chat = genai(pollux).chats.create({ model: MODEL, config: { tools: CONFIG.tools } });

  let answer = await chat.sendMessage({ message: 'Go.' });
  while (answer.functionCalls)
    answer = await chat.sendMessage({
      message: answer.functionCalls.map(({ id, name }) => ({
        functionResponse: { id, name, response: { output: 'fine' } },
      })),
    });

  assert.equal(answer.text, 'Done.');
  checkThinker(thinker, gemini, { asked: 3 });
});

/** What can be done wrong to [question, calls, results], and how Google says so. */
const WRONGS = [
  [([, model]) => delete model.parts[0].thoughtSignature, /missing a thought_signature/],
  [([, model]) => (model.parts[0].thoughtSignature = 'QUJD'), /signature is not valid/],
  [([, model]) => (model.parts[0].thoughtSignature = SKIP), /is no signature at all/],
  [([, model]) => (model.parts[0].thoughtSignature = '!'), /Base64 decoding failed/],
  [([, model]) => (model.parts[1].thoughtSignature = model.parts[0].thoughtSignature), /had none/],
  [([, model]) => (model.parts[0].functionCall.args.city = 'Rome'), /Corrupted thought signature/],
  [([, model]) => model.parts.reverse(), /does not match call/],
  [([, , user]) => user.parts.reverse(), /does not match call/],
  [([, , user]) => delete user.parts[1].functionResponse.id, /does not match call/],
  [([, , user]) => user.parts.pop(), /number of function response parts is equal/],
  [([, , user]) => user.parts.push({ text: 'and?' }), /number of function response parts is equal/],
  [([, , user]) => (user.role = 'tool'), /use a valid role/],
  [(all) => (all[1].parts = []), /parts must not be empty/],
  [(all) => all.splice(1, 1), /immediately after a function call turn/],
  [(all) => all.splice(0, 1), /immediately after a user turn/],
  [
    ([question, { parts: made }, { parts: results }], all) => {
      const by = (role, part) => ({ role, parts: [part] });
      const pairs = made.flatMap((c, k) => [by('model', c), by('user', results[k])]);
      all.splice(0, 3, question, ...pairs);
    },
    /missing a thought_signature/,
  ],
];

flow("the rules of turns are Google's, and so are its words", async (t) => {
  const gemini = await t.gemini();
  const thinker = new Thinker([[TRIP[0][0], says('Done.')]]);
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();
  const question = { role: 'user', parts: [{ text: 'Go.' }] };
  const parts = (await askNatively.whole(genai(pollux), [question])).filter((p) => !p.thought);
  const results = parts.map(({ functionCall: { id, name } }) => ({
    functionResponse: { id, name, response: { output: 'fine' } },
  }));
  const right = [question, { role: 'model', parts }, { role: 'user', parts: results }];
  assert.equal((await askNatively.whole(genai(pollux), right)).at(-1).text, 'Done.');

  for (const [spoil, words] of WRONGS) {
    const wrong = structuredClone(right);
    spoil(wrong, wrong);
    const error = await refusal(askNatively.whole(genai(pollux), wrong));
    assert.match(error.message, words, String(spoil));
  }
});

flow("what a native program leaves out is Google's to refuse", async (t) => {
  const gemini = await t.gemini();
  const thinker = new Thinker(TRIP);
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();
  const contents = [
    { role: 'user', parts: [{ text: 'Go.' }] },
    { role: 'model', parts: [{ functionCall: { name: 'seats', args: {} } }] },
    { role: 'user', parts: [{ functionResponse: { name: 'seats', response: { output: 'x' } } }] },
  ];

  for (const way of Object.keys(askNatively)) {
    const error = await refusal(askNatively[way](genai(pollux), contents));
    assert.equal(error.status, 400, way);
    assert.match(error.message, /missing a thought_signature in functionCall parts/, way);
  }
  assert.equal(gemini.asked, 2, 'native bodies are never mended');
});
