// Histories that programs made of a tool loop, or that come from elsewhere: which signature goes
// upstream with each call, and what becomes of one that is missing, copied, refused or another's.

import { assert, flow } from '../flow/harness.mjs';
import { calls, says, SKIP, Thinker } from '../flow/lib/thinker.mjs';
import {
  ask,
  checkThinker,
  fresh,
  invent,
  keep,
  MODEL,
  STEPS,
  toolMessages,
  TOOLS,
  travel,
  TRIP,
} from './loops.mjs';

const CLIENTS = ['plx-client-of-the-first-program', 'plx-client-of-the-second-program'];

/** One question, its tool loop and all the program kept of it. */
async function loop(client, messages, { model = MODEL, ...fields } = {}) {
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

  const said = await loop(fresh(pollux), [{ role: 'user', content: 'How many?' }]);

  assert.equal(said, 'Two.');
  checkThinker(thinker, gemini, { asked: 4 });
});

flow('of the same call twice, under ids of the program, the last one is known', async (t) => {
  const gemini = await t.gemini();
  const again = calls(['seats', {}]);
  const thinker = new Thinker([[again, again, says('Two.')]], { allowsSkips: true });
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();
  const messages = [{ role: 'user', content: 'How many?' }];
  const body = { model: MODEL, messages, tools: TOOLS };

  for (let step = 0; step < 3; step++) {
    const { message } = await ask.whole(fresh(pollux), body);
    const kept = keep['ids of its own and arguments printed anew'](message);
    messages.push(kept, ...toolMessages(kept.tool_calls ?? []));
  }

  assert.equal(messages.at(-1).content, 'Two.');
  assert.deepEqual(thinker.refusals, []);
  assert.equal(thinker.skips, 1, 'of the first one nothing is known any more');
  const made = gemini.last.json.contents.filter((c) => c.role === 'model').map((c) => c.parts[0]);
  assert.deepEqual(
    made.map((part) => part.thoughtSignature),
    [SKIP, thinker.signatures[1]],
  );
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

  const body = { model: MODEL, messages, tools: TOOLS };
  const { choices } = await client.chat.completions.create(body);
  assert.match(choices[0].message.tool_calls[0].function.arguments, /2\.0/);
  const message = keep['ids of its own and arguments printed anew'](choices[0].message);
  messages.push(message, ...toolMessages(message.tool_calls));

  assert.equal(await loop(client, messages), 'Two.');
  checkThinker(thinker, gemini, { asked: 2 });
});

flow('parallel_tool_calls: false keeps the first call, which is the signed one', async (t) => {
  const gemini = await t.gemini();
  const both = calls(['seats', { class: 1 }], ['seats', { class: 2 }]);
  const thinker = new Thinker([[both, both, says('Both.')]]);
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();
  const messages = [{ role: 'user', content: 'Which?' }];

  const said = await loop(fresh(pollux), messages, { parallel_tool_calls: false });

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

/** Tools whose calls Gemini has in another form than the program. */
const ODD_TOOLS = [
  {
    tool: { type: 'function', function: { name: '3d/rotate this' } },
    args: { by: 90 },
    said: (c) => [c.function.name, c.function.arguments],
    expected: ['3d/rotate this', '{"by":90}'],
  },
  {
    tool: { type: 'function', function: { name: 'x'.repeat(80) } },
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
          id: ownIds ? invent() : c.id,
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
  const made = [call('call_a', 'Rome'), call('toolu_b', 'Oslo')];
  return [
    { role: 'user', content: 'The weather in Rome and Oslo?' },
    { role: 'assistant', content: null, tool_calls: made },
    { role: 'tool', tool_call_id: 'toolu_b', content: 'cold' },
    { role: 'tool', tool_call_id: 'call_a', content: 'warm' },
  ];
}

flow('a history of another model passes with the placeholder', async (t) => {
  const gemini = await t.gemini();
  const again = calls(['weather', { city: 'Rome' }]); // the same as the foreign one
  const thinker = new Thinker([[says('unreached'), again, calls(['seats', {}]), says('Fine.')]], {
    allowsSkips: true,
  });
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();

  assert.equal(await loop(fresh(pollux), foreignHistory()), 'Fine.');

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

  await loop(fresh(pollux), foreignHistory(), { model: 'gemini-2.5-flash' });

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
