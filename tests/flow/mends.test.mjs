// What a model does not take is found out unseen, left out, named, and remembered.
//
// Mapping; lessons #5, #16, #17 and #60 to #62; faults (i) and (k) of a popular
// peer.

import { assert, flow, until } from './harness.mjs';
import { tool, turn } from './lib/parts.mjs';

/* What one worker learns the other knows a moment later; stories that count want it at once. */
const ALONE = { 'server.workers': 1 };

const PENALTY = 'Penalty is not enabled for this model';
const LOGPROBS = 'Logprobs is not enabled for this model';
const MULTIPLE = 'Multiple candidates is not enabled for this model';

/**
 * A Gemini that refuses, each in its own words, what stands in the body.  rules: [test of the
 * body, words].
 */
function refuses(gemini, rules, text = 'Hello') {
  gemini.anyone.does((asked) => {
    const rule = rules.find(([has]) => has(asked.json));
    const chunk = turn([{ text }]);
    if (rule)
      return asked.whole(400, {
        error: { code: 400, message: rule[1], status: 'INVALID_ARGUMENT' },
      });
    return asked.streams ? asked.stream(chunk) : asked.whole(200, chunk);
  });
}

const config = (name) => (body) => body.generationConfig?.[name] !== undefined;
const ignored = (answer) =>
  (answer.headers['x-pollux-ignored'] ?? '')
    .split(',')
    .map((s) => s.trim())
    .filter(Boolean)
    .sort();

/** One request that has to be mended, and one that knows: how often each asked. */
async function twice(pollux, gemini, fields, { tries = 2, names, again = 1, stream = true } = {}) {
  const counts = [];
  for (const isStream of stream ? [false, true] : [false, false]) {
    const asked = gemini.asked;
    const answer = await pollux.chat('hi', { ...fields, stream: isStream });
    assert.equal(answer.status, 200, answer.body);
    assert.equal(answer.text, 'Hello');
    assert.deepEqual(ignored(answer), [...names].sort());
    counts.push(gemini.asked - asked);
  }
  assert.deepEqual(counts, [tries, again]);
  return gemini.last.json;
}

flow('a penalty that a model does not take is left out, named, and not tried again', async (t) => {
  const gemini = await t.gemini();
  refuses(gemini, [
    [config('presencePenalty'), PENALTY],
    [config('frequencyPenalty'), PENALTY],
  ]);
  const pollux = await t.pollux(ALONE);

  const fields = { presence_penalty: 0.5, frequency_penalty: 1, temperature: 0.5 };
  const names = ['presence_penalty', 'frequency_penalty'];
  const body = await twice(pollux, gemini, fields, { names });
  assert.deepEqual(body.generationConfig, { temperature: 0.5 });

  await pollux.chat('hi', { ...fields, model: 'gemini-2.5-pro' });
  assert.equal(gemini.requests[3].json.generationConfig.presencePenalty, 0.5, 'others may');
});

flow('what was learned is known to every worker, and after a restart', async (t) => {
  const gemini = await t.gemini();
  refuses(gemini, [[config('presencePenalty'), PENALTY]]);
  const pollux = await t.pollux({ 'server.workers': 2 });
  const fields = { presence_penalty: 0.5 };
  const workers = new Set(); // each has a connection of its own to Gemini

  assert.equal((await pollux.chat('hi', fields)).text, 'Hello');
  workers.add(gemini.last.conn);
  await until(async () => {
    const asked = gemini.asked;
    assert.deepEqual(ignored(await pollux.chat('hi', fields)), ['presence_penalty']);
    if (gemini.asked - asked === 1) workers.add(gemini.last.conn);
    return workers.size === 2;
  }, 'the other worker to know');

  await pollux.restart();
  const asked = gemini.asked;
  for (let i = 0; i < 10; i++)
    assert.deepEqual(ignored(await pollux.chat('hi', fields)), ['presence_penalty']);
  assert.equal(gemini.asked - asked, 10);
});

flow('probabilities that a model does not tell are null', async (t) => {
  const gemini = await t.gemini();
  refuses(gemini, [[config('responseLogprobs'), LOGPROBS]]);
  const pollux = await t.pollux(ALONE);

  const fields = { logprobs: true, top_logprobs: 2 };
  await twice(pollux, gemini, fields, { names: ['logprobs'] });
  const { json } = await pollux.chat('hi', fields);
  assert.equal(json.choices[0].logprobs, null);
});

flow('several answers of a model that gives one at a time are asked for one by one', async (t) => {
  const gemini = await t.gemini();
  let n = 0;
  gemini.anyone.does((asked) => {
    if (asked.json.generationConfig?.candidateCount > 1)
      return asked.whole(400, {
        error: { code: 400, message: MULTIPLE, status: 'INVALID_ARGUMENT' },
      });
    const chunk = turn([{ text: `answer ${n++}` }], {
      usage: {
        promptTokenCount: 7,
        candidatesTokenCount: 5,
        thoughtsTokenCount: 100,
        totalTokenCount: 112,
      },
    });
    return asked.streams ? asked.stream(chunk) : asked.whole(200, chunk);
  });
  const pollux = await t.pollux({ keys: ['k1', 'k2', 'k3'], ...ALONE });

  for (const [tries, stream] of [
    [4, false],
    [3, true],
  ]) {
    const asked = gemini.asked;
    n = 0;
    const answer = await pollux.chat('hi', { n: 3, stream, usage: stream });
    assert.equal(answer.status, 200, answer.body);
    assert.equal(gemini.asked - asked, tries, 'one refusal at most, and one call for each');
    assert.deepEqual(ignored(answer), []);

    const texts = ['', '', ''];
    const ends = [];
    if (stream) {
      for (const { choices } of answer.chunks)
        for (const c of choices) {
          texts[c.index] += c.delta.content ?? '';
          if (c.finish_reason) ends.push(c.index);
        }
      assert.ok(answer.done);
    } else {
      for (const c of answer.json.choices) {
        texts[c.index] = c.message.content;
        ends.push(c.index);
      }
    }
    assert.deepEqual([...texts].sort(), ['answer 0', 'answer 1', 'answer 2']);
    assert.deepEqual(ends.sort(), [0, 1, 2]);
    const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
    assert.deepEqual([prompt_tokens, completion_tokens, total_tokens], [21, 315, 336]);
  }

  const asked = gemini.asked;
  const many = await pollux.chat('hi', { n: 9 });
  assert.equal(many.status, 400);
  assert.equal(many.error.param, 'n');
  assert.equal(gemini.asked, asked);
});

flow('one of several answers that fails is tried again alone', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { retryDelay: '40s' }).says('Hello');
  gemini.for('k2').says('Hello');
  const pollux = await t.pollux({ keys: ['k1', 'k2'], 'pool.pick': 'order' });

  const answer = await pollux.chat('hi', { n: 3, model: 'gemini-3.5-flash' });

  assert.equal(answer.status, 200, answer.body);
  assert.equal(answer.json.choices.length, 3);
  assert.equal(gemini.asked, 4);
});

/* Lesson #61, fault (k): what is known beforehand is not even tried. */
flow('thinking: budgets for 2.5, levels for 3, nothing for those that do not think', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.says('Hello');
  const pollux = await t.pollux();

  for (const [model, effort, thinking] of [
    ['gemini-2.5-flash', 'none', { thinkingBudget: 0 }],
    ['gemini-2.5-flash', 'high', { thinkingBudget: 24576, includeThoughts: true }],
    ['gemini-2.5-pro', 'none', { thinkingBudget: 128 }],
    ['gemini-2.5-pro', 'xhigh', { thinkingBudget: 32768, includeThoughts: true }],
    ['gemini-3.5-flash', 'none', { thinkingLevel: 'MINIMAL' }],
    ['gemini-3.5-flash', 'medium', { thinkingLevel: 'MEDIUM', includeThoughts: true }],
    ['gemini-3.1-pro-preview', 'minimal', { thinkingLevel: 'LOW', includeThoughts: true }],
    ['gemini-3-pro-preview', 'medium', { thinkingLevel: 'HIGH', includeThoughts: true }],
    ['gemini-2.0-flash', 'high', undefined],
  ]) {
    const answer = await pollux.chat('hi', { model, reasoning_effort: effort });
    assert.equal(answer.status, 200, answer.body);
    assert.deepEqual(
      gemini.last.json.generationConfig?.thinkingConfig,
      thinking,
      `${model} ${effort}`,
    );
  }
});

flow('thinking that a model refuses after all is left out', async (t) => {
  const gemini = await t.gemini();
  refuses(gemini, [[config('thinkingConfig'), 'Thinking is not enabled for this model.']]);
  const pollux = await t.pollux(ALONE);

  await twice(
    pollux,
    gemini,
    { reasoning_effort: 'low', model: 'gemini-9-flash' },
    { names: ['reasoning_effort'] },
  );
});

const FORMAT = {
  type: 'json_schema',
  json_schema: {
    name: 'answer',
    schema: {
      type: 'object',
      properties: { at: { type: ['string', 'null'] }, n: { const: 3 } },
      required: ['at'],
      additionalProperties: false,
    },
  },
};

/* Lesson #16: today's fields first, the older ones when they are refused. */
flow('a schema that is refused is said in the older words', async (t) => {
  const gemini = await t.gemini();
  const words = 'The specified schema produces a constraint that has too many states for serving.';
  refuses(gemini, [
    [(b) => b.generationConfig?.responseJsonSchema, words],
    [(b) => b.tools?.[0].functionDeclarations[0].parametersJsonSchema, words],
  ]);
  const pollux = await t.pollux();

  const answer = await pollux.chat('hi', { response_format: FORMAT });
  assert.equal(answer.status, 200, answer.body);
  assert.equal(gemini.asked, 2);
  const { responseSchema, responseMimeType } = gemini.last.json.generationConfig;
  assert.equal(responseMimeType, 'application/json');
  assert.equal(responseSchema.type, 'OBJECT');
  assert.deepEqual(responseSchema.properties.at, { type: 'STRING', nullable: true });
  assert.equal(responseSchema.additionalProperties, undefined);

  const called = await pollux.chat('hi', { tools: [tool('a')] });
  assert.equal(called.status, 200, called.body);
  assert.deepEqual(gemini.last.json.tools[0].functionDeclarations[0].parameters, {
    type: 'OBJECT',
    properties: { city: { type: 'STRING' } },
    required: ['city'],
  });
  assert.equal(gemini.asked, 4, 'one schema among many: it is nothing to remember');
});

flow('a model that does not know the field is spared it from then on', async (t) => {
  const gemini = await t.gemini();
  refuses(gemini, [
    [
      (b) => b.tools?.[0].functionDeclarations[0].parametersJsonSchema,
      'Invalid JSON payload received. Unknown name "parametersJsonSchema" at ' +
        "'tools[0].function_declarations[0]': Cannot find field.",
    ],
  ]);
  const pollux = await t.pollux(ALONE);

  await twice(pollux, gemini, { tools: [tool('a')] }, { names: [] });
});

/* */
flow('a format beside functions is asked for in words where a model has one of both', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  const answer = await pollux.chat(
    [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'hi' },
    ],
    {
      response_format: FORMAT,
      tools: [tool('a')],
    },
  );
  assert.equal(answer.status, 200, answer.body);
  assert.equal(gemini.asked, 1, 'it is known beforehand');
  const { generationConfig, systemInstruction, tools } = gemini.last.json;
  assert.equal(generationConfig?.responseMimeType, undefined);
  assert.equal(generationConfig?.responseJsonSchema, undefined);
  assert.equal(tools[0].functionDeclarations.length, 1);
  assert.equal(systemInstruction.parts[0].text, 'Be brief.');
  assert.match(systemInstruction.parts.map((p) => p.text).join('\n'), /JSON[\s\S]*"at"/);

  refuses(gemini, [
    [
      config('responseMimeType'),
      "Function calling with a response mime type: 'application/json' is unsupported",
    ],
  ]);
  const newer = await pollux.chat('hi', {
    response_format: FORMAT,
    tools: [tool('a')],
    model: 'gemini-3.5-flash',
  });
  assert.equal(newer.status, 200, newer.body);
  assert.equal(gemini.asked, 3);
  assert.match(gemini.last.json.systemInstruction.parts[0].text, /"at"/);
});

flow('two refusals of two kinds, one after the other', async (t) => {
  const gemini = await t.gemini();
  refuses(gemini, [
    [config('presencePenalty'), PENALTY],
    [config('responseLogprobs'), LOGPROBS],
  ]);
  const pollux = await t.pollux(ALONE);

  await twice(
    pollux,
    gemini,
    { presence_penalty: 1, logprobs: true },
    { tries: 3, names: ['presence_penalty', 'logprobs'] },
  );
});

/* Lessons #5, #15, #17. */
flow(
  "a refusal that names nothing known is told in Google's words, and nothing is tried",
  async (t) => {
    const gemini = await t.gemini();
    const pollux = await t.pollux({ keys: ['k1', 'k2'] });

    for (const message of [
      'Request contains an invalid argument.',
      'Unable to process input image.',
      'The input token count exceeds the maximum number of tokens allowed 1048576.',
    ]) {
      gemini.anyone.answers(400, { message });
      for (const stream of [false, true]) {
        const asked = gemini.asked;
        const answer = await pollux.chat('hi', {
          presence_penalty: 1,
          logprobs: true,
          n: 2,
          stream,
        });
        assert.equal(answer.status, 400);
        assert.equal(answer.error.type, 'invalid_request_error');
        assert.equal(answer.error.message, message);
        assert.equal(gemini.asked - asked, 1);
        assert.equal(answer.headers['x-should-retry'] ?? 'false', 'false');
      }
    }
  },
);

flow('an option that is not there cannot be left out: the refusal is told', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(400, { message: PENALTY });
  const pollux = await t.pollux();

  const answer = await pollux.chat('hi', { presence_penalty: 1 });
  assert.equal(answer.status, 400);
  assert.equal(answer.error.message, PENALTY);
  assert.equal(gemini.asked, 2, 'once without it, and no more');
});

flow('a Gemini that always finds something else to refuse is left in the end', async (t) => {
  const gemini = await t.gemini();
  const words = [
    PENALTY,
    LOGPROBS,
    MULTIPLE,
    'top_k is not enabled for this model',
    'Seed is not enabled for this model',
    'Thinking is not enabled for this model',
    'JSON mode is not enabled for this model',
    'Media resolution is not enabled for this model',
    'System instruction is not enabled for this model',
  ];
  let n = 0;
  gemini.anyone.does((asked) =>
    asked.whole(400, {
      error: { code: 400, message: words[n++ % words.length], status: 'INVALID_ARGUMENT' },
    }),
  );
  const pollux = await t.pollux();

  const answer = await pollux.chat('hi', { presence_penalty: 1 });
  assert.equal(answer.status, 400);
  assert.equal(answer.error.type, 'invalid_request_error');
  assert.equal(gemini.asked, 7, 'as it came, and six times mended');
});

flow('a mended request goes on to other credentials as any other', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(400, { message: PENALTY }).answers(429, { retryDelay: '40s' });
  gemini.for('k2').says('Hello');
  const pollux = await t.pollux({ keys: ['k1', 'k2'], 'pool.pick': 'order' });

  const answer = await pollux.chat('hi', { presence_penalty: 1 });

  assert.equal(answer.text, 'Hello');
  assert.deepEqual(ignored(answer), ['presence_penalty']);
  assert.equal(gemini.asked, 3);
  assert.equal(gemini.last.json.generationConfig, undefined);
});

/* Fault (i): what has no effect is said, and a zero is not worth a word. */
flow('fields that have no effect are named, those without meaning are not', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  const answer = await pollux.chat('hi', {
    presence_penalty: 0,
    frequency_penalty: 0,
    logit_bias: { 50256: -100 },
    verbosity: 'low',
    user: 'me',
    metadata: { a: 'b' },
    store: true,
    service_tier: 'auto',
  });
  assert.deepEqual(ignored(answer), ['logit_bias', 'verbosity']);
  assert.equal(gemini.last.json.generationConfig, undefined);
});
