// Tools: what a program declares reaches Gemini, what Gemini calls reaches the program, and what
// the program answers finds its call again.
//
// Lessons #1 to #4, #6, #8, #40 and #41; faults (a) to (e) of a popular peer.

import { assert, flow } from './harness.mjs';
import { call, echoed, gathered, tool, turn } from './lib/parts.mjs';

const MODEL = 'gemini-3.5-flash';
const WEATHER = [tool('get_temp')];
const ASK = [
  { role: 'system', content: 'Be terse.' },
  { role: 'user', content: 'Weather in Paris and London?' },
];

/** What the program says next, in another order than it was asked. */
function results(message, ids = message.tool_calls.map((c) => c.id)) {
  return [
    ...ASK,
    message,
    { role: 'tool', tool_call_id: ids[1], content: '{"c":12}' },
    { role: 'tool', tool_call_id: ids[0], content: '15 degrees' },
  ];
}

/** Mapping 12.1, as printed there; ids and signature of the two calls. */
function printed(first, second, signature) {
  const id = (value) => (value ? { id: value } : {});
  return {
    systemInstruction: { parts: [{ text: 'Be terse.' }] },
    contents: [
      { role: 'user', parts: [{ text: 'Weather in Paris and London?' }] },
      {
        role: 'model',
        parts: [
          {
            functionCall: { ...id(first), name: 'get_temp', args: { city: 'Paris' } },
            ...(signature ? { thoughtSignature: signature } : {}),
          },
          { functionCall: { ...id(second), name: 'get_temp', args: { city: 'London' } } },
        ],
      },
      {
        role: 'user',
        parts: [
          {
            functionResponse: {
              ...id(first),
              name: 'get_temp',
              response: { output: '15 degrees' },
            },
          },
          { functionResponse: { ...id(second), name: 'get_temp', response: { c: 12 } } },
        ],
      },
    ],
    tools: [
      {
        functionDeclarations: [
          {
            name: 'get_temp',
            parametersJsonSchema: {
              type: 'object',
              properties: { city: { type: 'string' } },
              required: ['city'],
            },
          },
        ],
      },
    ],
  };
}

const PARIS_LONDON = turn([
  call('get_temp', { city: 'Paris' }, { id: 'fc-1', signature: 'QUJD' }),
  call('get_temp', { city: 'London' }, { id: 'fc-2' }),
]);

/* Lessons #2, #3, #8: ids are short, the signature is held here, and it stands where it stood. */
flow(
  'a round trip with tools: calls come back with the ids and the signature of Gemini',
  async (t) => {
    const gemini = await t.gemini();
    gemini.anyone.gives(PARIS_LONDON);
    const pollux = await t.pollux();

    for (const stream of [false, true]) {
      const first = await pollux.chat(ASK, { model: MODEL, tools: WEATHER, stream });
      const message = stream ? gathered(first.chunks) : first.json.choices[0].message;

      assert.equal(first.finish, 'tool_calls');
      assert.equal(message.content, null);
      assert.equal(message.tool_calls.length, 2);
      for (const c of message.tool_calls) assert.match(c.id, /^call_[A-Za-z0-9]{24}$/);
      assert.deepEqual(
        message.tool_calls.map((c) => [c.type, c.function.name, c.function.arguments]),
        [
          ['function', 'get_temp', '{"city":"Paris"}'],
          ['function', 'get_temp', '{"city":"London"}'],
        ],
      );

      await pollux.chat(results(echoed(message)), { model: MODEL, tools: WEATHER });
      assert.deepEqual(gemini.last.json, printed('fc-1', 'fc-2', 'QUJD'));
    }
  },
);

const FOREIGN = {
  role: 'assistant',
  content: null,
  tool_calls: [
    {
      id: 'call_AAA',
      type: 'function',
      function: { name: 'get_temp', arguments: '{"city":"Paris"}' },
    },
    {
      id: 'call_BBB',
      type: 'function',
      function: { name: 'get_temp', arguments: '{"city":"London"}' },
    },
  ],
};

/* Lesson #4. */
flow('a history from elsewhere goes without ids and with the documented signature', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.says('15 and 12');
  const pollux = await t.pollux();

  await pollux.chat(results(FOREIGN), { model: MODEL, tools: WEATHER });
  assert.deepEqual(
    gemini.last.json,
    printed(undefined, undefined, 'skip_thought_signature_validator'),
  );

  await pollux.chat(results(FOREIGN), { model: 'gemini-2.5-flash', tools: WEATHER });
  assert.deepEqual(gemini.last.json, printed(), 'nobody wants a signature of gemini-2.5');
});

/* Lessons #1, #6; fault (e): the signature is given, in the place that clients know. */
flow(
  'a signature is told beside its call, whole and streamed, and taken back from there',
  async (t) => {
    const gemini = await t.gemini();
    gemini.anyone.gives(PARIS_LONDON);
    const pollux = await t.pollux();

    const whole = await pollux.chat(ASK, { model: MODEL, tools: WEATHER });
    const streamed = await pollux.chat(ASK, { model: MODEL, tools: WEATHER, stream: true });
    const deltas = streamed.chunks.flatMap((c) => c.choices[0].delta.tool_calls ?? []);
    for (const calls of [whole.json.choices[0].message.tool_calls, deltas]) {
      assert.deepEqual(calls[0].extra_content, { google: { thought_signature: 'QUJD' } });
      assert.equal(calls[1].extra_content, undefined);
    }

    const told = structuredClone(FOREIGN);
    told.tool_calls[0].extra_content = { google: { thought_signature: 'WFla' } };
    await pollux.chat(results(told), { model: MODEL, tools: WEATHER });
    assert.equal(gemini.last.json.contents[1].parts[0].thoughtSignature, 'WFla');
  },
);

/* Mapping 12.2; faults (a) to (d). */
flow('a stream of thought, call and end becomes the chunks that SDKs wait for', async (t) => {
  const usage = (thoughts, total, more = {}) => ({
    promptTokenCount: 38,
    ...more,
    thoughtsTokenCount: thoughts,
    totalTokenCount: total,
  });
  const gemini = await t.gemini();
  gemini.anyone.sends(
    turn([{ text: 'Need the date.', thought: true }], { finish: null, usage: usage(68, 106) }),
    turn([call('now', {}, { id: 'fc-9', signature: 'U0lH' })], {
      finish: null,
      usage: usage(168, 206),
    }),
    turn([{ text: '' }], { usage: usage(168, 212, { candidatesTokenCount: 6 }) }),
  );
  const pollux = await t.pollux();

  const { chunks, done } = await pollux.chat('What time is it?', {
    model: MODEL,
    stream: true,
    usage: true,
    reasoning_effort: 'low',
    tools: [tool('now', {})],
  });

  const id = chunks[2].choices[0].delta.tool_calls[0].id;
  const created = chunks[0].created;
  assert.match(id, /^call_[A-Za-z0-9]{24}$/);
  assert.ok(Number.isInteger(created));
  const head = { id: 'chatcmpl-R1', object: 'chat.completion.chunk', created, model: MODEL };
  const chunk = (delta, finish = null) => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason: finish }],
    usage: null,
  });
  assert.deepEqual(chunks, [
    chunk({ role: 'assistant', content: '' }),
    chunk({ reasoning_content: 'Need the date.' }),
    chunk({
      tool_calls: [
        {
          index: 0,
          id,
          type: 'function',
          function: { name: 'now', arguments: '{}' },
          extra_content: { google: { thought_signature: 'U0lH' } },
        },
      ],
    }),
    chunk({}, 'tool_calls'),
    {
      ...head,
      choices: [],
      usage: {
        prompt_tokens: 38,
        completion_tokens: 174,
        total_tokens: 212,
        prompt_tokens_details: { cached_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 168 },
      },
    },
  ]);
  assert.ok(done);
});

/* Fault (a). */
flow('text and calls that come in one chunk are all told, and calls are counted on', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.sends(
    turn([{ text: 'Let me see. ' }, call('a', { x: 1 }), call('b', {})], { finish: null }),
    turn([call('c', { deep: [{ y: 'ü "q"' }] })]),
  );
  const pollux = await t.pollux();

  const answer = await pollux.chat('hi', {
    stream: true,
    tools: ['a', 'b', 'c'].map((n) => tool(n, {})),
  });

  const message = gathered(answer.chunks);
  assert.equal(message.content, 'Let me see. ');
  assert.deepEqual(
    message.tool_calls.map((c) => [c.function.name, JSON.parse(c.function.arguments)]),
    [
      ['a', { x: 1 }],
      ['b', {}],
      ['c', { deep: [{ y: 'ü "q"' }] }],
    ],
  );
  assert.equal(new Set(message.tool_calls.map((c) => c.id)).size, 3);
  assert.equal(answer.finish, 'tool_calls');
});

/* Lesson #41. */
flow('a limit or a filter is not masked by calls', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const [native, reason] of [
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
    ['STOP', 'tool_calls'],
    ['MALFORMED_RESPONSE', 'tool_calls'],
  ]) {
    gemini.anyone.gives(turn([call('a', {})], { finish: native }));
    for (const stream of [false, true]) {
      const answer = await pollux.chat('hi', { stream, tools: [tool('a', {})] });
      assert.equal(answer.finish, reason, native);
    }
  }
});

const names = (...list) => ({
  type: 'allowed_tools',
  allowed_tools: { ...list[0], tools: list[1] },
});
const fn = (name) => ({ type: 'function', function: { name } });

const CHOICES = [
  ['auto', undefined],
  ['none', { mode: 'NONE' }],
  ['required', { mode: 'ANY' }],
  ['validated', { mode: 'VALIDATED' }],
  [fn('b'), { mode: 'ANY', allowedFunctionNames: ['b'] }],
  [
    names({ mode: 'required' }, [fn('a'), fn('b')]),
    { mode: 'ANY', allowedFunctionNames: ['a', 'b'] },
  ],
  [names({ mode: 'auto' }, [fn('a')]), { mode: 'VALIDATED', allowedFunctionNames: ['a'] }],
];

flow('tool_choice, in all its forms', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const tools = [tool('a', {}), tool('b', {})];

  for (const [choice, config] of CHOICES) {
    const answer = await pollux.chat('hi', { tools, tool_choice: choice });
    assert.equal(answer.status, 200, answer.body);
    assert.deepEqual(
      gemini.last.json.toolConfig,
      config && { functionCallingConfig: config },
      JSON.stringify(choice),
    );
    assert.deepEqual(
      gemini.last.json.tools[0].functionDeclarations.map((d) => d.name),
      ['a', 'b'],
    );
  }

  const asked = gemini.asked;
  for (const [choice, param] of [
    [fn('nobody'), /^tool_choice/],
    ['sometimes', /^tool_choice/],
    [7, /^tool_choice/],
    [names({ mode: 'auto' }, [fn('nobody')]), /^tool_choice/],
  ]) {
    const answer = await pollux.chat('hi', { tools, tool_choice: choice });
    assert.equal(answer.status, 400, JSON.stringify(choice));
    assert.match(answer.error.param, param);
  }
  assert.equal(gemini.asked, asked);
});

flow(
  'names that Gemini would refuse are made legal for it and told back as they were',
  async (t) => {
    const gemini = await t.gemini();
    const pollux = await t.pollux();
    const odd = ['mcp/server/tool', '1st', 'größe', 'x'.repeat(80), 'a b', 'a_b'];
    const tools = odd.map((n) => tool(n, {}));

    gemini.anyone.does((asked) => {
      const { functionDeclarations } = asked.json.tools[0];
      return asked.whole(200, turn(functionDeclarations.map((d) => call(d.name, {}))));
    });
    const { json } = await pollux.chat('hi', { tools });
    const legal = gemini.last.json.tools[0].functionDeclarations.map((d) => d.name);

    for (const name of legal) assert.match(name, /^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$/);
    assert.equal(new Set(legal).size, odd.length, 'no two become one');
    const [{ message }] = json.choices;
    assert.deepEqual(
      message.tool_calls.map((c) => c.function.name),
      odd,
    );

    await pollux.chat(
      [
        { role: 'user', content: 'hi' },
        echoed(message),
        ...message.tool_calls.map((c) => ({ role: 'tool', tool_call_id: c.id, content: 'ok' })),
      ],
      { tools, tool_choice: fn('mcp/server/tool') },
    );
    const [, model, user] = gemini.last.json.contents;
    assert.deepEqual(
      model.parts.map((p) => p.functionCall.name),
      legal,
    );
    assert.deepEqual(
      user.parts.map((p) => p.functionResponse.name),
      legal,
    );
    assert.deepEqual(gemini.last.json.toolConfig.functionCallingConfig.allowedFunctionNames, [
      legal[0],
    ]);
  },
);

flow('a custom tool takes text and gives text', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const tools = [{ type: 'custom', custom: { name: 'patch', description: 'Applies a patch.' } }];
  gemini.anyone.gives(turn([call('patch', { input: '*** "a"\n' })]));

  const whole = await pollux.chat('hi', { tools });
  const [declared] = gemini.last.json.tools[0].functionDeclarations;
  assert.equal(declared.name, 'patch');
  assert.equal(declared.description, 'Applies a patch.');
  assert.deepEqual(declared.parametersJsonSchema, {
    type: 'object',
    properties: { input: { type: 'string' } },
    required: ['input'],
  });
  const streamed = await pollux.chat('hi', { tools, stream: true });

  for (const message of [whole.json.choices[0].message, gathered(streamed.chunks)]) {
    const [made] = message.tool_calls;
    assert.equal(made.type, 'custom');
    assert.deepEqual(made.custom, { name: 'patch', input: '*** "a"\n' });
    await pollux.chat(
      [
        { role: 'user', content: 'hi' },
        echoed(message),
        { role: 'tool', tool_call_id: made.id, content: 'done' },
      ],
      { tools },
    );
    const [, model, user] = gemini.last.json.contents;
    assert.deepEqual(model.parts[0].functionCall.args, { input: '*** "a"\n' });
    assert.deepEqual(user.parts[0].functionResponse, {
      name: 'patch',
      response: { output: 'done' },
    });
  }
  await pollux.chat('hi', { tools, tool_choice: { type: 'custom', custom: { name: 'patch' } } });
  assert.deepEqual(gemini.last.json.toolConfig.functionCallingConfig, {
    mode: 'ANY',
    allowedFunctionNames: ['patch'],
  });
});

flow('functions, as programs of old declare and call them', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const functions = [tool('now', {}).function, tool('get_temp').function];
  gemini.anyone.gives(turn([call('get_temp', { city: 'Rome' })]));

  const whole = await pollux.chat('hi', { functions, function_call: { name: 'get_temp' } });
  assert.deepEqual(gemini.last.json.toolConfig.functionCallingConfig, {
    mode: 'ANY',
    allowedFunctionNames: ['get_temp'],
  });
  const { message } = whole.json.choices[0];
  assert.equal(whole.finish, 'function_call');
  assert.deepEqual(message.function_call, { name: 'get_temp', arguments: '{"city":"Rome"}' });
  assert.equal(message.tool_calls, undefined);

  const streamed = await pollux.chat('hi', { functions, stream: true });
  assert.equal(streamed.finish, 'function_call');
  const made = { name: '', arguments: '' };
  for (const c of streamed.chunks)
    for (const [key, text] of Object.entries(c.choices[0]?.delta.function_call ?? {}))
      made[key] += text;
  assert.deepEqual(made, { name: 'get_temp', arguments: '{"city":"Rome"}' });

  await pollux.chat(
    [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: null, function_call: made },
      { role: 'function', name: 'get_temp', content: '30' },
    ],
    { functions },
  );
  const [, model, user] = gemini.last.json.contents;
  assert.deepEqual(model.parts[0].functionCall, { name: 'get_temp', args: { city: 'Rome' } });
  assert.deepEqual(user.parts[0].functionResponse, {
    name: 'get_temp',
    response: { output: 30 },
  });
});

flow('parallel_tool_calls = false: the first call, and no other', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.gives(PARIS_LONDON);
  const pollux = await t.pollux();
  const fields = { model: MODEL, tools: WEATHER, parallel_tool_calls: false };

  const whole = await pollux.chat(ASK, fields);
  const streamed = await pollux.chat(ASK, { ...fields, stream: true });

  for (const message of [whole.json.choices[0].message, gathered(streamed.chunks)]) {
    assert.equal(message.tool_calls.length, 1);
    assert.equal(message.tool_calls[0].function.arguments, '{"city":"Paris"}');
  }
});

/* Mapping section 1, "Tool calls and their results": what is out of order is put in order. */
flow(
  'results without calls, calls without results and results that come late are repaired',
  async (t) => {
    const gemini = await t.gemini();
    const pollux = await t.pollux();
    const made = (id, name) => ({ id, type: 'function', function: { name, arguments: '{}' } });

    await pollux.chat(
      [
        { role: 'user', content: 'one' },
        { role: 'tool', tool_call_id: 'call_nobody', content: 'lost' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [made('c1', 'a'), made('c2', 'b'), made('c3', 'c')],
        },
        { role: 'tool', tool_call_id: 'c1', content: 'first try' },
        { role: 'user', content: 'two' },
        { role: 'tool', tool_call_id: 'c3', content: '[1]' },
        { role: 'tool', tool_call_id: 'c1', content: 'last try' },
      ],
      { tools: ['a', 'b', 'c'].map((n) => tool(n, {})) },
    );

    const { contents } = gemini.last.json;
    const said = contents.flatMap((c) => c.parts.map((p) => p.text).filter(Boolean));
    assert.deepEqual(said, ['one', 'Tool result (call_nobody): lost', 'two']);
    const at = contents.findIndex((c) => c.role === 'model');
    assert.deepEqual(
      contents[at + 1].parts.map((p) => p.functionResponse),
      [
        { name: 'a', response: { output: 'last try' } },
        { name: 'b', response: { error: 'no result was provided' } },
        { name: 'c', response: { output: [1] } },
      ],
    );
    assert.deepEqual(contents[at + 2], { role: 'user', parts: [{ text: 'two' }] });
  },
);
