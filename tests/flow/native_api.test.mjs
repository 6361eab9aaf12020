// All of Gemini's own API: what comes in goes up, what comes back goes down, and only the
// credential changes.  Gemini API reference, methods.
//
// Lessons #7, #17, #55 and #70; fault (n) of a popular peer.

import { assert, deferred, event, fault, flow, piece } from './harness.mjs';
import { Far } from './lib/far.mjs';

/* Odd on purpose: white space, a name twice, escapes, a number no double holds, unknown fields. */
const ODD =
  '\n { "contents" :\t[ {"parts":[{"text":"\\u0041\\/ 🦉"}]} ] ,\r\n' +
  '"newField":{"a":1,"a":2,"n":12345678901234567890.10e-3} }  \n';

/* An answer that any of the methods could give, and fields that nobody knows yet. */
const ANSWER =
  '{\n  "candidates": [ {"content": {"parts": [{"toolCall": {"id":"t","x":1},' +
  '"thoughtSignature":"c2ln"}]},\t"finishReason":"STOP"}],\n' +
  '"embedding":{"values":[0.5]}, "embeddings": [{"values":[0.5]}], "totalTokens": 7,\r\n' +
  '"name":"models/gemini-2.5-flash","models":[{"name":"models/gemini-2.5-flash"}],' +
  '"unknown":{"deep":[{"n":1.0e0}]}}\n\n';

const M = '/v1beta/models/gemini-2.5-flash';

const METHODS = [
  ['POST', `${M}:generateContent`],
  ['POST', `${M}:countTokens`],
  ['POST', `${M}:embedContent`],
  ['POST', `${M}:batchEmbedContents`],
  ['POST', `${M}:asyncBatchEmbedContent`],
  ['POST', `${M}:batchGenerateContent`],
  ['POST', `${M}:predict`],
  ['POST', `${M}:predictLongRunning`],
  ['POST', '/v1beta/tunedModels/t-1:generateContent'],
  ['POST', '/v1beta/dynamic/d-1:generateContent'],
  ['GET', '/v1beta/models?pageSize=50&pageToken=abc%3D'],
  ['GET', '/v1beta/models/gemini-2.5-flash'],
  ['GET', '/v1beta/models/veo-3/operations/op-1'],
  ['GET', '/v1beta/operations/op-1'],
  ['GET', '/v1beta/batches/b-1'],
  ['GET', '/v1beta/tunedModels/t-1/operations/op-1'],
  ['POST', '/v1beta/operations/op-1:cancel'],
  ['DELETE', '/v1beta/operations/op-1'],
  ['POST', '/v1beta/cachedContents'],
  ['GET', '/v1beta/cachedContents?pageSize=1000&pageToken=x'],
  ['GET', '/v1beta/cachedContents/c-1'],
  ['PATCH', '/v1beta/cachedContents/c-1?updateMask=ttl'],
  ['DELETE', '/v1beta/cachedContents/c-1'],
  ['POST', '/v1beta/files'],
  ['POST', '/v1beta/files:register'],
  ['GET', '/v1beta/files?pageSize=100'],
  ['GET', '/v1beta/files/f-1'],
  ['DELETE', '/v1beta/files/f-1'],
  ['GET', '/v1beta/files/f-1:download?alt=media'],
  ['GET', '/download/v1beta/files/f-1:download?alt=media'],
  ['GET', '/v1beta/batches?pageSize=2&filter=a%20b'],
  ['DELETE', '/v1beta/batches/b-1'],
  ['POST', '/v1beta/batches/b-1:cancel'],
  ['PATCH', '/v1beta/batches/b-1:updateGenerateContentBatch?updateMask=displayName,priority'],
  ['PATCH', '/v1beta/batches/b-1:updateEmbedContentBatch'],
  ['POST', '/v1alpha/auth_tokens'],
  ['POST', '/v1beta/interactions'],
  ['GET', '/v1beta/interactions/i-1?include=all'],
  ['DELETE', '/v1beta/interactions/i-1'],
  ['POST', '/v1beta/interactions/i-1/cancel'],
  ['POST', '/v1beta/fileSearchStores'],
  ['GET', '/v1beta/fileSearchStores/s-1'],
  ['GET', '/v1beta/fileSearchStores/s-1/documents?pageSize=20'],
  ['POST', '/upload/v1beta/fileSearchStores/s-1:uploadToFileSearchStore'],
  ['POST', '/v1beta/fileSearchStores/s-1:importFile'],
  ['POST', `${M}:generateAnswer`],
  ['POST', '/v1beta/models/text-bison-001:generateText'],
  ['POST', '/v1beta/models/text-bison-001:countTextTokens'],
  ['POST', '/v1beta/models/chat-bison-001:generateMessage'],
  ['POST', '/v1beta/models/embedding-gecko-001:embedText'],
  ['GET', '/v1beta/corpora/c-1/documents/d-1/chunks?pageSize=3'],
  ['POST', '/v1beta/tunedModels/t-1/permissions'],
  ['POST', `${M}:whatComesNextYear?mode=%41%2F&$prettyPrint=false`],
  ['PUT', '/v1beta/things/x-1'],
];

/** The ways in which programs present a key. */
const KEYS = [
  (key) => [(target) => target, { 'x-goog-api-key': key }],
  (key) => [(target) => target, { authorization: `Bearer ${key}` }],
  (key) => [(target) => `${target}${target.includes('?') ? '&' : '?'}key=${key}`, {}],
  (key) => [(target) => target.replace(/\?|$/, `?key=${key}&`).replace(/&$/, ''), {}],
];

flow(
  'every method: path, query, body and answer are untouched, and the credential is ours',
  async (t) => {
    t.upstream = t.keep(
      await Far.start(async (visit) => {
        await visit.whole();
        visit.answer(200, ANSWER, { 'Content-Type': 'application/json; charset=UTF-8; x=y' });
      }),
    );
    const pollux = await t.pollux();

    for (const [i, [method, target]] of METHODS.entries()) {
      const [withKey, headers] = KEYS[i % KEYS.length](pollux.clientKey);
      const hasBody = method !== 'GET' && method !== 'DELETE';
      const what = `${method} ${target}`;
      const live = await pollux.request(method, withKey(target), {
        key: null,
        headers: {
          ...headers,
          cookie: 'a=b',
          'x-goog-user-project': 'theirs',
          'x-goog-api-client': 'google-genai-sdk/2.18.0',
        },
        ...(hasBody ? { body: ODD } : {}),
      });
      assert.equal(live.status, 200, `${what}: ${live.text}`);
      assert.equal(live.text, ANSWER, what);
      assert.equal(live.headers['content-type'], 'application/json; charset=UTF-8; x=y', what);
      assert.ok(live.headers['x-request-id'], what);

      const { last } = t.upstream;
      assert.equal(last.method, method, what);
      assert.equal(last.target, target, what);
      assert.equal(last.body.toString(), hasBody ? ODD : '', what);
      assert.equal(last.secret, t.secret('k1'), what);
      assert.ok(!`${last.target}${last.head}`.includes(pollux.clientKey), what);
      assert.doesNotMatch(
        last.head,
        /^(cookie|authorization|x-api-key|x-goog-user-project)$/im,
        what,
      );
    }
    assert.equal(t.upstream.visits.length, METHODS.length);
  },
);

flow(
  'what a program asks for by header goes up, and what it says of itself does not',
  async (t) => {
    t.upstream = t.keep(await Far.start((visit) => visit.answer(200, ANSWER)));
    const pollux = await t.pollux();

    for (const [method, target, body] of [
      ['GET', '/v1beta/files?pageSize=3'],
      ['PATCH', '/v1beta/cachedContents/c?updateMask=expireTime', '{}'],
      ['GET', '/v1beta/models?pageSize=2'],
      ['POST', `${M}:generateContent`, '{}'],
    ]) {
      const live = await pollux.request(method, target, {
        ...(body ? { body } : {}),
        headers: { 'X-Goog-FieldMask': 'name,uri', 'User-Agent': 'mine/1.0', 'X-Mine': '1' },
      });
      assert.equal(live.status, 200, live.text);
      const { headers, target: asked } = t.upstream.last;
      const fields = new URL(asked, 'http://google').searchParams.get('fields');
      assert.equal(headers['x-goog-fieldmask'] ?? fields, 'name,uri', target);
      assert.equal(headers['x-mine'], undefined);
      assert.doesNotMatch(headers['user-agent'] ?? '', /mine/);
    }
  },
);

/* Lesson #7: a part that nobody knows keeps its signature. */
flow('streams in both framings, and unknown parts in them, byte for byte', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const odd = {
    candidates: [
      {
        content: {
          parts: [
            { toolCall: { id: 'a', toolType: 'GOOGLE_SEARCH_WEB' }, thoughtSignature: 'c2ln' },
            { partOfNextYear: { x: [1] } },
          ],
        },
      },
    ],
  };
  const end = piece('.', { finish: 'STOP' });

  for (const [query, type, bytes] of [
    ['?alt=sse', 'text/event-stream', event(odd) + event(end)],
    [
      '',
      'application/json; charset=UTF-8',
      `[${JSON.stringify(odd, null, 1)}\r\n,\r\n${JSON.stringify(end)}\n]`,
    ],
    [
      '?alt=json&prettyPrint=true',
      'application/json',
      `[${JSON.stringify(odd)}\n,\n${JSON.stringify(end)}]`,
    ],
  ]) {
    gemini.anyone.writes(bytes, { headers: { 'Content-Type': type } });
    const live = await pollux.native('streamGenerateContent', ODD, { query });
    assert.equal(live.text, bytes);
    assert.equal(live.headers['content-type'], type);
    assert.equal(gemini.last.target, `${M}:streamGenerateContent${query}`);
    assert.equal(gemini.last.body.toString(), ODD);
  }
});

flow('a name of the configuration stands for its model in native paths, too', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.does((asked) => asked.whole(200, ANSWER));
  const pollux = await t.pollux({
    config: 'model "fast" { alias = "gemini-2.5-flash-lite" }\nmodel "old" { enabled = no }\n',
  });

  for (const verb of ['generateContent', 'countTokens', 'predictLongRunning', 'nextYear']) {
    const live = await pollux.native(verb, ODD, { model: 'fast' });
    assert.equal(live.status, 200, live.text);
    assert.equal(live.text, ANSWER);
    assert.equal(gemini.last.target, `/v1beta/models/gemini-2.5-flash-lite:${verb}`);
    assert.equal(gemini.last.body.toString(), ODD);
    const asked = gemini.asked;
    const hidden = await pollux.native(verb, ODD, { model: 'old' });
    assert.equal(hidden.status, 404, verb);
    assert.equal(hidden.json.error.status, 'NOT_FOUND');
    assert.equal(gemini.asked, asked);
  }
});

flow("OpenAI's doors in Google's tree are ours and are never handed on", async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const path of ['files', 'batches', 'images/generations', 'audio/speech', 'nothing', '']) {
    for (const method of ['GET', 'POST']) {
      const live = await pollux.request(
        method,
        `/v1beta/openai/${path}`,
        method === 'POST' ? { body: {} } : {},
      );
      assert.equal(live.status, 404, `${method} ${path}`);
      assert.equal(typeof live.json.error.type, 'string', "in OpenAI's words");
    }
  }
  assert.equal(gemini.asked, 0);
  const chat = await pollux.request('POST', '/v1beta/openai/chat/completions', {
    body: pollux.chatBody('hi'),
  });
  assert.equal(chat.json.choices[0].message.content, 'Hello');
});

flow('no path leads out of the API', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const path of [
    '/v1beta/../v1/secrets',
    '/v1beta/%2e%2e/v1internal:x',
    '/v1beta/files/..%2f..%2fv1internal',
    '/v1beta/files/%2e%2e%5c',
    '/upload/v1beta/../../x',
  ]) {
    const raw = await pollux.dial();
    await raw.send(
      `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${pollux.clientKey}\r\n\r\n`,
    );
    await raw.until(/HTTP\/1\.1 \d+/);
    assert.equal(raw.status, 404, path);
    raw.leave();
  }
  assert.equal(gemini.asked, 0);
});

/* ---- failures ---- */

flow('a spent key gives way to the next where nothing was done', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k2').answers(200, { body: ANSWER });
  const pollux = await t.pollux({ keys: ['k1', 'k2'], 'pool.pick': 'order' });

  for (const [method, target] of [
    ['GET', '/v1beta/files'],
    ['DELETE', '/v1beta/files/f-1'],
    ['POST', '/v1beta/cachedContents'],
    ['POST', `${M}:predict`],
  ]) {
    gemini.replace('k1').answers(429, { retryDelay: '40s' });
    const asked = gemini.asked;
    const live = await pollux.request(method, target, method === 'POST' ? { body: ODD } : {});
    assert.equal(live.text, ANSWER, `${method} ${target}`);
    assert.equal(gemini.asked - asked, 2);
    await pollux.thaw();
  }
});

flow('what may have been done is not done again', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k2').answers(200, { body: ANSWER });
  const pollux = await t.pollux({ keys: ['k1', 'k2'], 'pool.pick': 'order' });

  for (const [name, fails] of [
    ['an error', (s) => s.answers(500, { message: 'Internal error.' })],
    ['a closed connection', (s) => s.closes()],
    ['a reset', (s) => s.resets()],
  ]) {
    for (const [method, target, again] of [
      ['POST', '/v1beta/cachedContents', false],
      ['POST', `${M}:batchGenerateContent`, false],
      ['PATCH', '/v1beta/cachedContents/c?updateMask=ttl', false],
      ['DELETE', '/v1beta/files/f-1', false],
      ['GET', '/v1beta/files/f-1', true],
    ]) {
      fails(gemini.replace('k1'));
      const before = gemini.askedWith('k2');
      const live = await pollux.request(
        method,
        target,
        method.startsWith('P') ? { body: ODD } : {},
      );
      const what = `${name}: ${method} ${target}: ${live.text}`;
      assert.equal(gemini.askedWith('k2') - before, again ? 1 : 0, what);
      assert.ok(again ? live.status === 200 : live.status >= 500, what);
      if (!again) assert.equal(live.json.error.code, live.status, what);
      await pollux.thaw();
    }
  }
});

/* Lesson #17: what was refused is never a 200. */
flow("refusals come down in Google's words", async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const said = fault(404, { message: 'Requested entity was not found.' });
  gemini.anyone.answers(404, { body: said });

  for (const [method, target] of [
    ['GET', '/v1beta/files/nobody'],
    ['DELETE', '/v1beta/cachedContents/nobody'],
    ['POST', `${M}:predict`],
  ]) {
    const asked = gemini.asked;
    const live = await pollux.request(method, target, method === 'POST' ? { body: ODD } : {});
    assert.equal(live.status, 404);
    assert.deepEqual(live.json, said);
    assert.equal(gemini.asked - asked, 1);
  }
});

/* ---- interactions ---- */

flow('events of interactions come down as they come, names and [DONE] included', async (t) => {
  const next = deferred();
  const first = 'event: interaction.start\r\ndata: {"event_type":"interaction.start"}\r\n\r\n';
  const rest =
    ': of theirs\n\nevent: content.delta\nid: 7\ndata: {"delta":\ndata: {"text":"hi"}}\n\n' +
    'event: done\ndata: [DONE]\n\n';
  t.upstream = t.keep(
    await Far.start(async (visit) => {
      await visit.whole();
      visit.response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      visit.response.write(first);
      await next.promise;
      visit.response.end(rest);
    }),
  );
  const pollux = await t.pollux();

  const live = await pollux.open('POST', '/v1beta/interactions?alt=sse', {
    body: '{"model":"gemini-3.5-flash","input":"hi","stream":true}',
  });
  await live.until('interaction.start');
  assert.equal(live.headers['content-type'], 'text/event-stream');
  next.resolve();
  await live.end();
  assert.equal(live.text, first + rest);
  assert.ok(!live.wasCutOff);
});

flow('how long a file is can be asked without it', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').does(async (asked) => {
    await asked.begin(200, { 'Content-Type': 'video/mp4', 'Content-Length': 4711 });
    await asked.end();
  });
  const pollux = await t.pollux({ keys: ['k1'] });

  const live = await pollux.request('HEAD', '/v1beta/files/f-1:download?alt=media');
  assert.equal(live.status, 200);
  assert.equal(live.headers['content-length'], '4711');
  assert.equal(live.headers['content-type'], 'video/mp4');
  assert.equal(live.text, '');
  assert.equal(gemini.last.method, 'HEAD');
});
