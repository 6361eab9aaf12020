// What nobody should send: it is refused by the name of its field or repaired as prescribed.
// Never an error of ours, and never a closed connection.
//
// Faults (g) and (h) of a popular peer, as far as things were dropped in silence.

import { assert, flow } from './harness.mjs';
import { CHAT, MODEL, NATIVE, scene } from './lib/line.mjs';
import { call, tool, turn } from './lib/parts.mjs';

const RICH = JSON.stringify({
  model: MODEL,
  messages: [
    { role: 'system', content: 'a "b" \\ ü' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'x\ny' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD', detail: 'low' } },
      ],
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'a', arguments: '{"b":[1]}' } }],
    },
    { role: 'tool', tool_call_id: 'c', content: '{"d":[true,null,-1.5e-3]}' },
  ],
  tools: [tool('a')],
  tool_choice: { type: 'function', function: { name: 'a' } },
  response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } },
  extra_body: { google: { thinking_config: { include_thoughts: true } } },
  stop: ['a'],
  temperature: 0.5,
});

flow('JSON that is cut off, anywhere', async (t) => {
  const { refuses, post, isAlive } = await scene(t);
  const bytes = Buffer.from(RICH);

  assert.equal((await post(CHAT, RICH)).status, 200);
  for (const path of [CHAT, NATIVE])
    for (let at = 0; at < bytes.length; at += 3)
      await refuses(path, bytes.subarray(0, at), null, `the first ${at} bytes`);
  isAlive();
});

flow('JSON that is broken in one place, anywhere', async (t) => {
  const { post, isAlive } = await scene(t);
  const bytes = Buffer.from(RICH);

  for (let at = 0; at < bytes.length; at += 2) {
    const broken = Buffer.from(bytes);
    broken[at] = [0x00, 0xff, 0x22, 0x7b, 0x5d][at % 5];
    for (const path of [CHAT, NATIVE]) {
      const live = await post(path, broken);
      assert.ok([200, 400, 404].includes(live.status), `byte ${at}: ${live.status} ${live.text}`);
      assert.ok(live.json);
    }
  }
  isAlive();
});

const NOT_JSON = [
  '',
  ' ',
  '{',
  '}',
  '[',
  'nothing',
  '"text"',
  '7',
  'null',
  '[]',
  '{} {}',
  '{"a":}',
  "{'a':1}",
  '{"a":01}',
  '{"a":.5}',
  '{"a":1,}',
  '{"a":NaN}',
  '\ufeff{}',
  '{"a":"\t"}',
  '{"a":"\\x"}',
  '{"a":"\\u12"}',
];

flow('what is no JSON, or no object', async (t) => {
  const { refuses } = await scene(t);

  for (const path of [CHAT, '/v1/completions', '/v1/embeddings'])
    for (const body of NOT_JSON) await refuses(path, body, null, `${path} ${body}`);
  for (const body of NOT_JSON.filter((b) => !/^("text"|7|null|\[\])$/.test(b)))
    await refuses(NATIVE, body, null, body);
});

const nest = (depth, inner = '1') => '['.repeat(depth) + inner + ']'.repeat(depth);
const deepen = (depth) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);

flow('nesting without end', async (t) => {
  const { refuses, post, gemini, isAlive } = await scene(t);
  const hi = '"messages":[{"role":"user","content":"hi"}]';

  for (const deep of [nest(200000), deepen(100000), '['.repeat(500000)]) {
    for (const body of [
      deep,
      `{"model":"${MODEL}","messages":${deep}}`,
      `{"model":"${MODEL}",${hi},"nobody knows":${deep}}`,
      `{"model":"${MODEL}",${hi},"tools":${deep}}`,
      `{"model":"${MODEL}",${hi},"tools":[{"type":"function","function":{"name":"a","parameters":${deep}}}]}`,
      `{"model":"${MODEL}",${hi},"extra_body":{"google":${deep}}}`,
      `{"model":"${MODEL}","messages":[{"role":"user","content":${deep}}]}`,
    ])
      await refuses(CHAT, body, undefined, body.slice(0, 150));
    await refuses(NATIVE, `{"contents":${deep}}`);
    await refuses('/v1/embeddings', `{"model":"m","input":${deep}}`);
    await refuses('/v1/completions', `{"model":"m","prompt":${deep}}`);
  }

  /* In text it is nobody's business how deep it is. */
  const history = [
    { role: 'user', content: 'hi' },
    {
      role: 'assistant',
      tool_calls: [
        { id: 'c', type: 'function', function: { name: 'a', arguments: deepen(100000) } },
      ],
    },
    { role: 'tool', tool_call_id: 'c', content: deepen(100000) },
  ];
  const live = await post(CHAT, { model: MODEL, messages: history });
  assert.equal(live.status, 200, live.text);
  const [, model, user] = gemini.last.json.contents;
  assert.ok(model.parts[0].functionCall.args._raw, 'repaired');
  assert.ok(user.parts[0].functionResponse.response.output, 'repaired');
  isAlive();
});

flow('a name twice: the last one counts, as in every parser', async (t) => {
  const { post, gemini } = await scene(t);

  const live = await post(
    CHAT,
    `{"model":"nobody","messages":7,"messages":[{"role":"x","content":"a","role":"user",` +
      `"content":[{"type":"text","text":"no","text":"yes"}]}],"temperature":2,"temperature":0.5,` +
      `"model":"${MODEL}","stream":true,"stream":false}`,
  );
  assert.equal(live.status, 200, live.text);
  assert.deepEqual(gemini.last.json, {
    contents: [{ role: 'user', parts: [{ text: 'yes' }] }],
    generationConfig: { temperature: 0.5 },
  });
});

flow('text that is no UTF-8', async (t) => {
  const { refuses, gemini } = await scene(t);

  for (const bad of [
    [0xff],
    [0xc3],
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf5, 0x80, 0x80, 0x80],
    [0xe2, 0x82],
    [0x80],
  ]) {
    const body = (before, behind) =>
      Buffer.concat([Buffer.from(before), Buffer.from(bad), Buffer.from(behind)]);
    const what = Buffer.from(bad).toString('hex');
    await refuses(
      CHAT,
      body(`{"model":"${MODEL}","messages":[{"role":"user","content":"`, '"}]}'),
      undefined,
      what,
    );
    await refuses(CHAT, body(`{"model":"${MODEL}","messages":[],"`, '":1}'), undefined, what);
    await refuses(NATIVE, body('{"contents":[{"parts":[{"text":"', '"}]}]}'), undefined, what);
  }
  assert.equal(gemini.asked, 0);
});

flow('halves of characters, and NUL', async (t) => {
  const { post, refuses, gemini } = await scene(t);
  const said = (text) =>
    `{"model":"${MODEL}","messages":[{"role":"user","content":"${text}"}],` +
    `"tools":[{"type":"function","function":{"name":"a","description":"${text}"}}]}`;

  for (const half of ['\\ud83e', '\\udd89', '\\udd89\\ud83e', 'a\\ud83eb']) {
    const live = await post(CHAT, said(half));
    assert.ok([200, 400].includes(live.status), live.text);
    if (live.status === 200) assert.ok(gemini.last.json, 'what goes up is JSON');
  }
  const live = await post(CHAT, said('a\\u0000b'));
  assert.equal(live.status, 200, live.text);
  assert.equal(gemini.last.json.contents[0].parts[0].text, 'a\0b');
  await refuses(CHAT, said('a\0b'));
  const nobody = await post(CHAT, said('hi').replace(MODEL, 'gemini\\u0000-pro'));
  assert.equal(nobody.status, 404);
  assert.equal(nobody.json.error.code, 'model_not_found');
  await refuses(
    CHAT,
    said('hi')
      .replace('"a"', '"\\u0000"')
      .replace('"function","function"', '"fun\\u0000ction","function"'),
    /^tools\[0\]/,
  );
});

/* A field that is refused; null: the number is taken; undefined: either will do. */
const HUGE = [
  ['temperature', '1e999', /^temperature$/],
  ['temperature', '-1e-999', undefined],
  ['temperature', '1e-999', null],
  ['temperature', `${'9'.repeat(5000)}`, /^temperature$/],
  ['temperature', `0.${'1'.repeat(5000)}`, undefined],
  ['top_p', '1e309', /^top_p$/],
  ['top_k', '99999999999999999999', /^top_k$/],
  ['max_tokens', '1e400', /^max_tokens$/],
  ['max_tokens', '99999999999999999999999', /^max_tokens$/],
  ['max_tokens', '-9223372036854775809', /^max_tokens$/],
  ['max_completion_tokens', '0', /^max_completion_tokens$/],
  ['n', '1e9', /^n$/],
  ['n', '18446744073709551617', /^n$/],
  ['n', '-1', /^n$/],
  ['seed', '123456789012345678901234567890', undefined],
  ['presence_penalty', '1e1000', /^presence_penalty$/],
  ['top_logprobs', '4294967297', /^top_logprobs$/],
];

flow('numbers that no machine holds', async (t) => {
  const { post, refuses, gemini } = await scene(t);

  for (const [name, number, param] of HUGE) {
    const body = `{"model":"${MODEL}","messages":[{"role":"user","content":"hi"}],"logprobs":true,"${name}":${number}}`;
    if (param) {
      await refuses(CHAT, body, param, `${name} ${number.slice(0, 30)}`);
      continue;
    }
    const live = await post(CHAT, body);
    assert.ok(
      live.status === 200 || (param === undefined && live.json.error.param === name),
      live.text,
    );
    if (live.status === 200) assert.ok(gemini.last.json);
  }
});

const made = (id, args = '{}', name = 'a') => ({
  id,
  type: 'function',
  function: { name, arguments: args },
});

flow('arguments that are no JSON object are put into one', async (t) => {
  const { chat, gemini } = await scene(t);

  for (const [args, expected] of [
    ['', {}],
    ['null', {}],
    ['  {"a":1}\n', { a: 1 }],
    ['[1]', { value: [1] }],
    ['7', { value: 7 }],
    ['"x"', { value: 'x' }],
    ['{"a":', { _raw: '{"a":' }],
    ["{'a':1}", { _raw: "{'a':1}" }],
    ['\u0000', { _raw: '\u0000' }],
    ['{"a":1}{"b":2}', { _raw: '{"a":1}{"b":2}' }],
  ]) {
    const live = await chat({
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', tool_calls: [made('c', args)] },
        { role: 'tool', tool_call_id: 'c', content: 'ok' },
      ],
    });
    assert.equal(live.status, 200, live.text);
    assert.deepEqual(
      gemini.last.json.contents[1].parts[0].functionCall.args,
      expected,
      JSON.stringify(args),
    );
  }
});

flow('results without calls, and calls without results, in any number', async (t) => {
  const { chat, gemini } = await scene(t);

  const lost = await chat({
    messages: Array.from({ length: 50 }, (_, i) => ({
      role: 'tool',
      tool_call_id: `c${i}`,
      content: 'x',
    })),
  });
  assert.equal(lost.status, 200, lost.text);
  assert.ok(gemini.last.json.contents.every((c) => c.role === 'user'));

  const open = await chat({
    messages: [
      { role: 'user', content: 'hi' },
      { role: 'assistant', tool_calls: Array.from({ length: 50 }, (_, i) => made(`c${i}`)) },
      { role: 'assistant', tool_calls: [made('c0')] },
    ],
  });
  assert.equal(open.status, 200, open.text);
  for (const [i, { role, parts }] of gemini.last.json.contents.entries()) {
    const calls = parts.filter((p) => p.functionCall).length;
    if (role === 'model' && calls)
      assert.equal(
        gemini.last.json.contents[i + 1].parts.filter((p) => p.functionResponse).length,
        calls,
        'as many results as calls, right behind them',
      );
  }
});

flow('ten thousand messages', async (t) => {
  const { chat, gemini, isAlive } = await scene(t);

  const talk = Array.from({ length: 10000 }, (_, i) => ({
    role: i % 2 ? 'assistant' : 'user',
    content: `message ${i}`,
  }));
  const live = await chat({ messages: talk });
  assert.equal(live.status, 200, live.text);
  assert.equal(gemini.last.json.contents.length, 10000);
  assert.equal(gemini.last.json.contents[9999].parts[0].text, 'message 9999');

  const loop = [{ role: 'user', content: 'go' }];
  for (let i = 0; i < 5000; i++)
    loop.push(
      { role: 'assistant', content: null, tool_calls: [made(`call_${i}`)] },
      { role: 'tool', tool_call_id: `call_${i}`, content: `${i}` },
    );
  const long = await chat({ messages: loop });
  assert.equal(long.status, 200, long.text);
  assert.equal(gemini.last.json.contents.length, 10001);
  isAlive();
});

flow('a thousand tools', async (t) => {
  const { chat, gemini, isAlive } = await scene(t);

  const tools = Array.from({ length: 1000 }, (_, i) => tool(`tool/${i}`));
  gemini.anyone.does((asked) => {
    const { functionDeclarations } = asked.json.tools[0];
    return asked.whole(200, turn([call(functionDeclarations[999].name, {})]));
  });
  const live = await chat({ messages: [{ role: 'user', content: 'hi' }], tools });
  assert.equal(live.status, 200, live.text);
  assert.equal(gemini.last.json.tools[0].functionDeclarations.length, 1000);
  assert.equal(live.json.choices[0].message.tool_calls[0].function.name, 'tool/999');
  isAlive();
});

/* Every field of the request in every wrong type. */
flow('every field in every type', async (t) => {
  const { post, isAlive } = await scene(t);
  const whole = {
    model: MODEL,
    messages: [{ role: 'user', content: 'hi', name: 'n' }],
    temperature: 1,
    top_p: 1,
    top_k: 1,
    n: 1,
    stop: 'x',
    seed: 1,
    max_tokens: 1,
    max_completion_tokens: 1,
    presence_penalty: 1,
    frequency_penalty: 1,
    logprobs: true,
    top_logprobs: 1,
    tools: [tool('a')],
    tool_choice: 'auto',
    parallel_tool_calls: true,
    functions: [tool('f').function],
    function_call: 'auto',
    response_format: { type: 'text' },
    reasoning_effort: 'low',
    verbosity: 'low',
    modalities: ['text'],
    audio: { voice: 'alloy', format: 'wav' },
    web_search_options: {},
    prediction: {},
    service_tier: 'auto',
    stream: false,
    stream_options: {},
    logit_bias: {},
    metadata: {},
    user: 'me',
    extra_body: { google: {} },
    google: {},
  };

  for (const field of Object.keys(whole)) {
    for (const odd of [
      null,
      true,
      0,
      -1,
      1.5,
      1e300,
      '',
      'odd',
      [],
      [null],
      [[]],
      {},
      { a: [] },
      [7],
      ['a'],
      [{}],
    ]) {
      const { functions, function_call: choice, stream_options: options, ...plain } = whole;
      const body = ['functions', 'function_call'].includes(field)
        ? { model: MODEL, messages: whole.messages, functions, function_call: choice, [field]: odd }
        : { ...plain, [field]: odd };
      const live = await post(CHAT, body);
      const what = `${field}: ${JSON.stringify(odd)}: ${live.text.slice(0, 300)}`;
      if (live.headers['content-type'].startsWith('text/event-stream')) continue;
      assert.ok([200, 400, 404].includes(live.status), what);
      if (live.status === 400) {
        assert.equal(live.json.error.type, 'invalid_request_error', what);
        assert.ok(live.json.error.param, what);
      }
    }
  }
  isAlive();
});

const PARTS = [
  [{ type: 'text' }, /content\[0\]/],
  [{ type: 'text', text: 7 }, /content\[0\]\.text/],
  [{ type: 'nothing' }, /content\[0\]\.type/],
  [{}, /content\[0\]\.type/],
  [7, /content\[0\]/],
  [{ type: 'image_url' }, /content\[0\]\.image_url/],
  [{ type: 'image_url', image_url: {} }, /content\[0\]\.image_url/],
  [{ type: 'image_url', image_url: { url: 7 } }, /content\[0\]\.image_url/],
  [
    { type: 'image_url', image_url: { url: 'data:image/png;base64,@@' } },
    /content\[0\]\.image_url/,
  ],
  [{ type: 'input_audio', input_audio: { data: '@', format: 'wav' } }, /content\[0\]\.input_audio/],
  [
    { type: 'input_audio', input_audio: { data: 'QUJD', format: 'midi' } },
    /content\[0\]\.input_audio/,
  ],
  [{ type: 'file', file: {} }, /content\[0\]\.file/],
  [{ type: 'file', file: { file_id: 'file-nobody' } }, /content\[0\]\.file/],
  [{ type: 'file', file: { file_data: '@@@' } }, /content\[0\]\.file/],
];

flow('parts of messages that are no parts, and messages that are no messages', async (t) => {
  const { refuses } = await scene(t);
  const body = (messages) => ({ model: MODEL, messages });

  for (const [part, param] of PARTS) {
    const error = await refuses(
      CHAT,
      body([{ role: 'user', content: [part] }]),
      param,
      JSON.stringify(part),
    );
    assert.match(error.param, /^messages\[0\]\./);
  }
  for (const [message, param] of [
    [7, /^messages\[1\]$/],
    [null, /^messages\[1\]/],
    [{}, /^messages\[1\]\.role$/],
    [{ role: 'nobody', content: 'x' }, /^messages\[1\]\.role$/],
    [{ role: 7, content: 'x' }, /^messages\[1\]\.role$/],
    [{ role: 'user' }, /^messages\[1\]\.content$/],
    [{ role: 'user', content: 7 }, /^messages\[1\]\.content$/],
    [{ role: 'assistant', tool_calls: 7 }, /^messages\[1\]\.tool_calls/],
    [{ role: 'assistant', tool_calls: [7] }, /^messages\[1\]\.tool_calls\[0\]/],
    [
      { role: 'assistant', tool_calls: [{ id: 'x', type: 'function' }] },
      /^messages\[1\]\.tool_calls\[0\]/,
    ],
    [{ role: 'tool', content: 'x' }, /^messages\[1\]\.tool_call_id$/],
    [{ role: 'tool', tool_call_id: 7, content: 'x' }, /^messages\[1\]\.tool_call_id$/],
  ])
    await refuses(
      CHAT,
      body([{ role: 'user', content: 'x' }, message]),
      param,
      JSON.stringify(message),
    );
  for (const messages of [[], {}, 'x', undefined, null])
    await refuses(CHAT, body(messages), /^messages$/, JSON.stringify(messages));
});
