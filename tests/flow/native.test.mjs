// Gemini's own wire: bytes are passed on as they are, in both directions, and only the key changes.

import { assert, event, fault, flow, piece, pieces } from './harness.mjs';

/* Odd on purpose: white space, a name twice, escapes, a number no double holds, unknown fields. */
const ODD =
  '\n { "contents" :\t[ {"parts":[{"text":"\\u0041\\/ \\ud83e\\udd89 🦉"}]} ] ,\r\n' +
  '"newField":{"a":1,"a":2,"n":12345678901234567890.10e-3}, "generationConfig":{ } }  \n';

flow('a request goes up and its answer down, byte for byte', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const answer =
    '  {\r\n"candidates": [ { "content": {"parts":[{"text": "\\u00e9 } {"}]},' +
    '"finishReason":"STOP", "x" : [1,2 , 3] } ],"unknown":{"deep":[{}]}}\n\n';
  gemini.anyone.answers(200, {
    body: answer,
    headers: { 'Content-Type': 'application/json; charset=UTF-8; x=y' },
  });

  const live = await pollux.native('generateContent', ODD);

  assert.equal(live.status, 200);
  assert.equal(gemini.last.body.toString(), ODD);
  assert.equal(live.text, answer);
  assert.equal(live.headers['content-type'], 'application/json; charset=UTF-8; x=y');
  assert.equal(gemini.last.target, '/v1beta/models/gemini-2.5-flash:generateContent');
  assert.equal(gemini.last.headers['content-type'], 'application/json');
});

flow('a large body goes up whole', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const body = Buffer.from(
    JSON.stringify({
      contents: [{ parts: [{ inlineData: { mimeType: 'image/png', data: 'A'.repeat(8 << 20) } }] }],
    }),
  );
  const large = piece('B'.repeat(3 << 20), { finish: 'STOP' });
  gemini.anyone.answers(200, { body: large });

  const live = await pollux.native('generateContent', body);

  assert.ok(gemini.last.body.equals(body));
  assert.deepEqual(live.json, large);
});

const STREAMS = {
  'events with CRLF': [
    '?alt=sse',
    'text/event-stream',
    pieces('Hel', 'lo')
      .map((p) => event(p))
      .join(''),
  ],
  'events with LF, comments and odd fields': [
    '?alt=sse',
    'text/event-stream',
    `: hi\n\ndata:${JSON.stringify(piece('Hel'))}\nid: 7\n\n` +
      'event: x\ndata: {"candidates":\ndata: []}\n\n' +
      event(piece('lo', { finish: 'STOP' }), '\n'),
  ],
  'a list': [
    '',
    'application/json',
    `[${JSON.stringify(piece('Hel } ]'), null, 2)}\n,\r\n` +
      `${JSON.stringify(piece('lo', { finish: 'STOP' }))}\n]`,
  ],
  'a list that is asked for by name': [
    '?alt=json',
    'application/json',
    `[${JSON.stringify(piece('Hello', { finish: 'STOP' }))}]\n`,
  ],
};

flow('a stream comes down byte for byte, in the framing that was asked for', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const [name, [query, type, bytes]] of Object.entries(STREAMS)) {
    gemini.anyone.writes(bytes, { headers: { 'Content-Type': type } });
    const live = await pollux.native('streamGenerateContent', ODD, { query });
    assert.equal(live.status, 200, name);
    assert.equal(live.text, bytes, name);
    assert.equal(live.headers['content-type'], type, name);
    assert.equal(
      gemini.last.target,
      `/v1beta/models/gemini-2.5-flash:streamGenerateContent${query}`,
    );
    assert.equal(gemini.last.body.toString(), ODD);
  }
});

flow('counting and embedding', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  const one = { content: { parts: [{ text: 'hi' }] } };

  assert.deepEqual((await pollux.native('countTokens', { contents: [] })).json, { totalTokens: 7 });
  assert.deepEqual(
    (await pollux.native('embedContent', one)).json.embedding.values,
    [0.25, -0.5, 1],
  );
  const batch = await pollux.native('batchEmbedContents', { requests: [one, one] });
  assert.equal(batch.json.embeddings.length, 2);
});

flow("every path that Gemini's programs use", async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const paths = [
    '/v1beta/models/gemini-2.5-flash:generateContent',
    '/v1/models/gemini-2.5-flash:generateContent',
    '/v2/models/gemini-2.5-flash:generateContent',
    '/v1beta/models/gemini-2.5-flash%3AgenerateContent',
    '/v2/models/gemini-2.5-flash%3agenerateContent',
    '/v1beta/models/models/gemini-2.5-flash:generateContent',
    '/v1beta/models/models%2Fgemini-2.5-flash:generateContent',
  ];

  for (const path of paths) {
    const live = await pollux.request('POST', path, { body: {} });
    assert.equal(live.status, 200, `${path}: ${live.text}`);
    assert.equal(live.json.candidates[0].content.parts[0].text, 'Hello', path);
    assert.equal(gemini.last.target, '/v1beta/models/gemini-2.5-flash:generateContent');
  }
  const all = await pollux.get('/v1beta/models?pageSize=2');
  assert.equal(all.json.models.length, 3);
  assert.equal(gemini.last.target, '/v1beta/models?pageSize=2');
  assert.equal(
    (await pollux.get('/v1beta/models/gemini-2.5-pro')).json.name,
    'models/gemini-2.5-pro',
  );
});

flow("a client's key comes in four ways and goes no further", async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const key = pollux.clientKey;
  const ways = [
    ['', { authorization: `Bearer ${key}` }],
    ['', { authorization: `bearer  ${key}` }],
    ['', { 'x-goog-api-key': key }],
    ['', { 'x-api-key': key }],
    [`?key=${key}`, {}],
    [`?alt=json&key=${key}&quotaUser=me&fields=candidates&$prettyPrint=false`, {}],
  ];

  for (const [query, headers] of ways) {
    for (const path of [
      '/v1beta/models/gemini-2.5-flash:generateContent',
      '/v1/chat/completions',
    ]) {
      const body = path.startsWith('/v1beta') ? {} : pollux.chatBody('hi');
      const live = await pollux.request('POST', path + query, {
        key: null,
        headers: { ...headers, cookie: 'a=b', 'x-mine': 'c' },
        body,
      });
      assert.equal(live.status, 200, `${query} ${JSON.stringify(headers)}: ${live.text}`);
      const all = `${gemini.last.head}${gemini.last.body}`;
      assert.ok(!all.includes(key), "the client's key went upstream");
      assert.equal(gemini.last.secret, t.secret('k1'));
      assert.ok(!gemini.last.target.includes('key'), 'a key stands in a URL');
      assert.doesNotMatch(gemini.last.head, /cookie|x-mine|^authorization/im);
    }
  }
  assert.ok(
    gemini.requests.some((r) =>
      r.target.endsWith('?alt=json&fields=candidates&$prettyPrint=false'),
    ),
  );
});

flow("Gemini's refusals come down in its own words", async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const refusal = fault(400, {
    message: 'Invalid JSON payload received. Unknown name "foo".',
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.BadRequest',
        fieldViolations: [{ field: 'foo', description: 'x' }],
      },
    ],
  });
  gemini.anyone.answers(400, { body: refusal }).answers(400, { body: [refusal] });

  const whole = await pollux.native('generateContent', {});
  assert.equal(whole.status, 400);
  assert.deepEqual(whole.json, refusal);
  const listed = await pollux.native('streamGenerateContent', {});
  assert.equal(listed.status, 400);
  assert.deepEqual(listed.json, [refusal]);
});

flow("our own refusals look like Gemini's", async (t) => {
  await t.gemini();
  const pollux = await t.pollux();

  const whole = await pollux.native('generateContent', '{"contents": [}');
  assert.equal(whole.status, 400);
  assert.equal(whole.json.error.code, 400);
  assert.equal(whole.json.error.status, 'INVALID_ARGUMENT');
  const listed = await pollux.native('streamGenerateContent', 'nothing');
  assert.equal(listed.status, 400);
  assert.equal([].concat(listed.json)[0].error.code, 400);
});
