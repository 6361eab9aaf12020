// Google's official SDK, unmodified: only base URL and key are ours.

import crypto from 'node:crypto';
import path from 'node:path';
import { assert, deferred, fault, flow, fs, PER_DAY, piece, until } from '../flow/harness.mjs';
import { Belongings, CHUNK_GRANULARITY } from '../flow/lib/belongings.mjs';
import { genai, refusal } from './sdks.mjs';

const MODEL = 'gemini-2.5-flash';
const HI = { model: MODEL, contents: 'hi' };
const SIGNATURE = Buffer.from('a signature').toString('base64');

/** What the SDK puts on the wire and what it reads there, the last time. */
async function overheard(story) {
  const real = globalThis.fetch;
  const wire = {};
  globalThis.fetch = async (url, options) => {
    const answer = await real(url, options);
    wire.sent = options.body;
    wire.heard = await answer.clone().text();
    return answer;
  };
  try {
    await story();
  } finally {
    globalThis.fetch = real;
  }
  return wire;
}

flow('models.generateContent', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  const answer = await genai(pollux).models.generateContent({
    ...HI,
    config: { temperature: 0.5, systemInstruction: 'Be brief.' },
  });

  assert.equal(answer.text, 'Hello');
  assert.equal(answer.candidates[0].finishReason, 'STOP');
  assert.equal(answer.usageMetadata.totalTokenCount, 112);
  assert.equal(gemini.last.json.generationConfig.temperature, 0.5);
  assert.equal(gemini.last.json.systemInstruction.parts[0].text, 'Be brief.');
  assert.equal(gemini.last.secret, t.secret('k1'));
});

flow('models.generateContentStream', async (t) => {
  const gemini = await t.gemini();
  const next = deferred();
  gemini.anyone.does(async (asked) => {
    await asked.begin();
    await asked.event(piece('Hel'));
    await next.promise;
    await asked.event(piece('lo', { finish: 'STOP' }));
    await asked.end();
  });
  const pollux = await t.pollux();

  const said = [];
  for await (const chunk of await genai(pollux).models.generateContentStream(HI)) {
    said.push(chunk.text);
    next.resolve(); // the second is said when the first was heard
  }
  assert.deepEqual(said, ['Hel', 'lo']);
});

flow('chats keep their turns', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const chat = genai(pollux).chats.create({ model: MODEL });

  await chat.sendMessage({ message: 'one' });
  await chat.sendMessage({ message: 'two' });

  assert.deepEqual(
    gemini.last.json.contents.map((c) => [c.role, c.parts[0].text]),
    [
      ['user', 'one'],
      ['model', 'Hello'],
      ['user', 'two'],
    ],
  );
});

flow('models.countTokens and models.embedContent', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const ai = genai(pollux);

  assert.equal((await ai.models.countTokens(HI)).totalTokens, 7);
  const one = await ai.models.embedContent({ model: MODEL, contents: 'a' });
  assert.deepEqual(one.embeddings[0].values, [0.25, -0.5, 1]);
  const two = await ai.models.embedContent({ model: MODEL, contents: ['a', 'b'] });
  assert.equal(two.embeddings.length, 2);
  assert.match(gemini.last.path, /:batchEmbedContents$/);
});

flow('models.list and models.get', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  const ai = genai(pollux);

  const names = [];
  for await (const model of await ai.models.list()) names.push(model.name);
  assert.ok(names.includes(`models/${MODEL}`));
  assert.equal((await ai.models.get({ model: MODEL })).name, `models/${MODEL}`);
});

flow("errors carry the status and Google's words", async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ 'queue.max_wait': '0s' });
  const ai = genai(pollux);

  const stranger = genai(pollux, { apiKey: 'a-stranger-of-some-length' });
  assert.equal((await refusal(stranger.models.generateContent(HI))).status, 401);
  assert.equal((await refusal(ai.models.generateContent({ ...HI, model: 'gpt-99' }))).status, 404);
  gemini.anyone.answers(400, { message: 'No, for a reason of mine.' });
  const bad = await refusal(ai.models.generateContent(HI));
  assert.equal(bad.status, 400);
  assert.match(bad.message, /No, for a reason of mine\./);
  assert.equal((await refusal(ai.models.generateContentStream(HI))).status, 400);
  gemini.anyone.answers(429, { quotaId: PER_DAY });
  assert.equal((await refusal(ai.models.generateContent(HI))).status, 429);
});

flow("a key that is spent is not the program's affair", async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: PER_DAY });
  gemini.for('k2').resets();
  const pollux = await t.pollux({ keys: ['k1', 'k2', 'k3'], 'pool.pick': 'order' });

  assert.equal((await genai(pollux).models.generateContent(HI)).text, 'Hello');
});

flow('what breaks in the middle is raised in the middle', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const breaks = {
    "an error of Gemini's": async (asked) => {
      await asked.chunk(`${JSON.stringify(fault(503))}\n`);
      await asked.end();
    },
    'a cut': async (asked) => asked.cut(),
  };

  for (const [name, how] of Object.entries(breaks)) {
    const first = deferred();
    gemini.anyone.does(async (asked) => {
      await asked.begin();
      await asked.event(piece('Hel'));
      await first.promise;
      await how(asked);
    });
    let heard = '';
    const error = await refusal(
      (async () => {
        for await (const chunk of await genai(pollux).models.generateContentStream(HI)) {
          heard += chunk.text;
          first.resolve();
        }
      })(),
    );
    assert.equal(heard, 'Hel', name);
    assert.ok(error.status >= 500, `${name}: ${error.message}`);
    await pollux.thaw();
  }
});

flow('a program that gives up stops Gemini', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.hangs();
  const pollux = await t.pollux();
  const abort = new AbortController();
  const asking = genai(pollux)
    .models.generateContent({ ...HI, config: { abortSignal: abort.signal } })
    .catch((e) => e);
  await gemini.request(1);

  abort.abort();

  assert.ok((await asking) instanceof Error);
  await gemini.last.aborted();
});

/* ---- more of the request and of the answer ---- */

flow('tools, formats and thoughts, whole and streamed', async (t) => {
  const gemini = await t.gemini();
  const parts = [
    { text: 'Which city?', thought: true },
    {
      functionCall: { id: 'fc-1', name: 'weather', args: { city: 'Zürich' } },
      thoughtSignature: SIGNATURE,
    },
  ];
  gemini.anyone.gives({
    candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP' }],
    responseId: 'r-1',
  });
  const pollux = await t.pollux();
  const { models } = genai(pollux);
  const schema = { type: 'object', properties: { city: { type: ['string', 'null'] } } };
  const request = {
    ...HI,
    config: {
      tools: [{ functionDeclarations: [{ name: 'weather', parametersJsonSchema: schema }] }],
      toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['weather'] } },
      responseMimeType: 'application/json',
      responseJsonSchema: schema,
      thinkingConfig: { includeThoughts: true, thinkingBudget: 512 },
      safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
    },
  };

  const chunks = [];
  for await (const chunk of await models.generateContentStream(request)) chunks.push(chunk);
  for (const answer of [await models.generateContent(request), ...chunks]) {
    assert.deepEqual(answer.candidates[0].content.parts, parts);
    assert.deepEqual(answer.functionCalls, [parts[1].functionCall]);
  }
  const { tools, toolConfig, generationConfig, safetySettings } = gemini.last.json;
  assert.deepEqual(tools, request.config.tools);
  assert.deepEqual(toolConfig, request.config.toolConfig);
  assert.deepEqual(generationConfig.responseJsonSchema, schema);
  assert.deepEqual(generationConfig.thinkingConfig, request.config.thinkingConfig);
  assert.deepEqual(safetySettings, request.config.safetySettings);
});

flow('what is newer than Pollux passes, byte by byte', async (t) => {
  const gemini = await t.gemini();
  const odd =
    '{ "candidates" : [ { "content":{"parts":[{"text":"\\u00e4","novelty":[1.0,1e400]}],' +
    '"role":"model"}, "finishReason":"NEW_REASON" } ],\n"futureField":{"b":1,"a":2,"a":3} }\n';
  gemini.anyone.answers(200, { body: odd });
  const pollux = await t.pollux();
  const { sent, heard } = await overheard(() =>
    genai(pollux).models.generateContent({
      ...HI,
      config: {
        httpOptions: { extraBody: { futureSetting: { level: 3 }, generationConfig: { newer: 1 } } },
      },
    }),
  );

  assert.equal(gemini.last.body.toString(), sent);
  assert.deepEqual(gemini.last.json.futureSetting, { level: 3 });
  assert.equal(heard, odd);
});

flow('models.list in pages', async (t) => {
  const gemini = await t.gemini();
  const all = Array.from({ length: 5 }, (_, i) => ({ name: `models/gemini-${i}` }));
  gemini.anyone.does((asked) => {
    const from = Number(asked.query.get('pageToken') ?? 0);
    const size = Number(asked.query.get('pageSize'));
    const nextPageToken = from + size < all.length ? String(from + size) : undefined;
    return asked.whole(200, { models: all.slice(from, from + size), nextPageToken });
  });
  const pollux = await t.pollux();

  const names = [];
  for await (const model of await genai(pollux).models.list({ config: { pageSize: 2 } }))
    names.push(model.name);

  assert.deepEqual(
    names,
    all.map((m) => m.name),
  );
  assert.equal(gemini.asked, 3);
});

flow('countTokens and embedContent with all they take', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const { models } = genai(pollux);

  await models.embedContent({
    model: 'gemini-2.5-flash',
    contents: ['a', 'b'],
    config: { outputDimensionality: 3, taskType: 'RETRIEVAL_QUERY' },
  });
  assert.deepEqual(
    gemini.last.json.requests.map((r) => [r.outputDimensionality, r.taskType]),
    Array(2).fill([3, 'RETRIEVAL_QUERY']),
  );
  const counted = await models.countTokens({
    ...HI,
    contents: [{ role: 'user', parts: [{ inlineData: { mimeType: 'image/png', data: 'QUJD' } }] }],
  });
  assert.equal(counted.totalTokens, 7);
  assert.equal(gemini.last.json.contents[0].parts[0].inlineData.data, 'QUJD');
});

/* ---- what Google keeps ---- */

/** A Pollux of these keys before a Google that keeps things. */
async function keeping(t, ...keys) {
  const gemini = await t.gemini();
  const belongings = new Belongings();
  gemini.anyone.does(belongings.answer);
  const pollux = await t.pollux({ keys: keys.length ? keys : ['k1'] });
  return { gemini, belongings, pollux, ai: genai(pollux) };
}

flow('files.upload, a small one', async (t) => {
  const { gemini, belongings, ai } = await keeping(t);
  const bytes = Buffer.from([0, 13, 10, 255, ...Buffer.from('Zürich')]);

  const file = await ai.files.upload({
    file: new Blob([bytes]),
    config: { mimeType: 'image/png', displayName: 'A "picture" of Zürich' },
  });

  assert.equal(file.state, 'ACTIVE');
  assert.equal(file.displayName, 'A "picture" of Zürich');
  assert.equal(file.mimeType, 'image/png');
  assert.equal(file.sizeBytes, String(bytes.length));
  assert.ok(belongings.uploaded[0].equals(bytes));
  assert.deepEqual(belongings.pieces, [
    { command: 'upload, finalize', offset: 0, bytes: bytes.length },
  ]);
  for (const asked of gemini.requests) assert.equal(asked.secret, t.secret('k1'));
});

flow('files.upload in several pieces, all with the key that began', async (t) => {
  const { belongings, gemini, pollux, ai } = await keeping(t, 'k1', 'k2', 'k3');
  const bytes = crypto.randomBytes(2 * CHUNK_GRANULARITY + 12345);
  const place = path.join(pollux.dir, 'film.mp4');
  fs.writeFileSync(place, bytes);

  const file = await ai.files.upload({ file: place });

  assert.equal(file.mimeType, 'video/mp4');
  assert.equal(file.sizeBytes, String(bytes.length));
  assert.ok(belongings.uploaded[0].equals(bytes));
  assert.deepEqual(belongings.pieces, [
    { command: 'upload', offset: 0, bytes: CHUNK_GRANULARITY },
    { command: 'upload', offset: CHUNK_GRANULARITY, bytes: CHUNK_GRANULARITY },
    { command: 'upload, finalize', offset: 2 * CHUNK_GRANULARITY, bytes: 12345 },
  ]);
  assert.equal(new Set(gemini.requests.map((r) => r.secret)).size, 1);
  assert.ok(gemini.requests.every((r) => !r.head.includes(pollux.clientKey)));
});

flow('files.list, get, use and delete', async (t) => {
  const { gemini, ai } = await keeping(t);
  for (let i = 0; i < 5; i++)
    await ai.files.upload({ file: new Blob([`file ${i}`]), config: { mimeType: 'text/plain' } });

  const names = [];
  for await (const file of await ai.files.list({ config: { pageSize: 2 } })) names.push(file.name);
  assert.equal(new Set(names).size, 5);

  const file = await ai.files.get({ name: names[2] });
  assert.equal(file.sizeBytes, '6');
  const { uri: fileUri, mimeType } = file;
  const parts = [{ fileData: { fileUri, mimeType } }, { text: 'Sum it up.' }];
  const contents = [{ role: 'user', parts }];
  assert.equal((await ai.models.generateContent({ ...HI, contents })).text, 'Hello');
  assert.deepEqual(gemini.last.json.contents, contents);

  await ai.files.delete({ name: names[2] });
  const error = await refusal(ai.files.get({ name: names[2] }));
  assert.equal(error.status, 403);
  assert.match(error.message, /You do not have permission to access files/);
});

flow('caches: create, list, get, update, use and delete', async (t) => {
  const { gemini, ai } = await keeping(t);

  const cache = await ai.caches.create({
    model: MODEL,
    config: { contents: 'A long text.', systemInstruction: 'Be brief.', ttl: '300s' },
  });
  assert.equal(cache.model, `models/${MODEL}`);
  assert.equal(cache.usageMetadata.totalTokenCount, 4096);
  const names = [];
  for await (const found of await ai.caches.list()) names.push(found.name);
  assert.deepEqual(names, [cache.name]);
  assert.equal((await ai.caches.get({ name: cache.name })).expireTime, 'in 300s');

  await ai.caches.update({ name: cache.name, config: { ttl: '600s' } });
  assert.equal(gemini.last.method, 'PATCH');
  assert.equal((await ai.caches.get({ name: cache.name })).expireTime, 'in 600s');

  await ai.models.generateContent({ ...HI, config: { cachedContent: cache.name } });
  assert.equal(gemini.last.json.cachedContent, cache.name);

  await ai.caches.delete({ name: cache.name });
  assert.equal((await refusal(ai.caches.get({ name: cache.name }))).status, 403);
});

flow('batches: create, get, list, cancel and delete', async (t) => {
  const { belongings, gemini, ai } = await keeping(t);
  const ask = (text) => ({ contents: [{ role: 'user', parts: [{ text }] }] });

  const batch = await ai.batches.create({
    model: MODEL,
    src: [ask('one'), ask('two')],
    config: { displayName: 'numbers' },
  });
  assert.equal(batch.state, 'JOB_STATE_PENDING');
  assert.match(gemini.last.path, /\/models\/gemini-2\.5-flash:batchGenerateContent$/);
  assert.equal(gemini.last.json.batch.inputConfig.requests.requests.length, 2);

  belongings.finishBatches('1', '2');
  const done = await ai.batches.get({ name: batch.name });
  assert.equal(done.state, 'JOB_STATE_SUCCEEDED');
  assert.deepEqual(
    done.dest.inlinedResponses.map((r) => r.response.candidates[0].content.parts[0].text),
    ['1', '2'],
  );
  const names = [];
  for await (const found of await ai.batches.list()) names.push(found.name);
  assert.deepEqual(names, [batch.name]);

  await ai.batches.cancel({ name: batch.name });
  assert.equal((await ai.batches.get({ name: batch.name })).state, 'JOB_STATE_CANCELLED');
  await ai.batches.delete({ name: batch.name });
  assert.equal((await refusal(ai.batches.get({ name: batch.name }))).status, 403);
});

flow('operations.get, until a video is there to be fetched', async (t) => {
  const { gemini, pollux, ai } = await keeping(t);

  let operation = await ai.models.generateVideos({
    model: 'veo-3.1-generate-preview',
    source: { prompt: 'A train.' },
  });
  assert.match(gemini.last.path, /:predictLongRunning$/);
  for (let asked = 0; !operation.done; asked++) {
    assert.ok(asked < 3);
    operation = await ai.operations.getVideosOperation({ operation });
  }
  const [generated] = operation.response.generatedVideos;
  const place = path.join(pollux.dir, 'video.mp4');
  await ai.files.download({ file: generated, downloadPath: place });

  const written = () => fs.existsSync(place) && fs.readFileSync(place, 'utf8');
  await until(() => written() === `a video for ${operation.name}`, 'the video');
});

flow('an upload goes on where it was, over a restart', async (t) => {
  const { gemini, belongings, pollux } = await keeping(t, 'k1', 'k2', 'k3');
  const bytes = crypto.randomBytes(CHUNK_GRANULARITY + 77);
  const send = (target, command, headers, body) =>
    pollux.request('POST', target, {
      headers: { 'x-goog-upload-command': command, ...headers },
      body,
    });
  const head = {
    'x-goog-upload-protocol': 'resumable',
    'x-goog-upload-header-content-length': bytes.length,
    'x-goog-upload-header-content-type': 'video/mp4',
  };
  const begun = await send('/upload/v1beta/files', 'start', head, { file: {} });
  const address = new URL(begun.headers['x-goog-upload-url']);
  const target = address.pathname + address.search;
  assert.equal(address.origin, pollux.url, 'the program comes back here');
  assert.equal(begun.headers['x-goog-upload-chunk-granularity'], String(CHUNK_GRANULARITY));

  const first = bytes.subarray(0, CHUNK_GRANULARITY);
  const active = await send(target, 'upload', { 'x-goog-upload-offset': 0 }, first);
  assert.equal(active.headers['x-goog-upload-status'], 'active');
  await pollux.restart();
  const asked = await send(target, 'query', {}, '');
  const received = Number(asked.headers['x-goog-upload-size-received']);
  assert.equal(received, CHUNK_GRANULARITY);
  const last = await send(
    target,
    'upload, finalize',
    { 'x-goog-upload-offset': received },
    bytes.subarray(received),
  );

  assert.equal(last.json.file.sizeBytes, String(bytes.length));
  assert.ok(belongings.uploaded[0].equals(bytes));
  assert.equal(new Set(gemini.requests.map((r) => r.secret)).size, 1, 'all with one key');
});

flow('what no room here knows reaches Google by its own path', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.does((asked) => asked.whole(200, { name: 'x' }));
  const pollux = await t.pollux();
  const ai = genai(pollux);
  const tuned = { model: 'tunedModels/mine-1' };
  const config = { displayName: 'a' };
  const calls = [
    [() => ai.models.generateContent({ ...HI, ...tuned }), `POST ${tuned.model}:generateContent`],
    [() => ai.models.get(tuned), 'GET tunedModels/mine-1'],
    [() => ai.models.update({ ...tuned, config }), 'PATCH tunedModels/mine-1'],
    [() => ai.models.delete(tuned), 'DELETE tunedModels/mine-1'],
    [() => ai.fileSearchStores.create({ config }), 'POST fileSearchStores'],
    [() => ai.fileSearchStores.list(), 'GET fileSearchStores'],
    [() => ai.interactions.create({ model: MODEL, input: 'hi' }), 'POST interactions'],
    [() => ai.interactions.get('abc'), 'GET interactions/abc?stream=false'],
    [() => ai.authTokens.create({ config: { uses: 1 } }), 'POST auth_tokens'],
  ];

  for (const [call, expected] of calls) {
    await call();
    const [method, path] = expected.split(' ');
    assert.deepEqual([gemini.last.method, gemini.last.target], [method, `/v1beta/${path}`]);
    assert.equal(gemini.last.secret, t.secret('k1'));
  }
});

flow('another version of the API streams as well', async (t) => {
  const gemini = await t.gemini();
  const next = deferred();
  gemini.anyone.does(async (asked) => {
    await asked.begin();
    await asked.event(piece('Hel'));
    await next.promise;
    await asked.event(piece('lo', { finish: 'STOP' }));
    await asked.end();
  });
  const pollux = await t.pollux();
  const { models } = genai(pollux, { httpOptions: { apiVersion: 'v1alpha' } });

  let said = '';
  for await (const chunk of await models.generateContentStream(HI)) {
    said += chunk.text;
    next.resolve();
  }
  assert.equal(said, 'Hello');
  assert.equal(gemini.last.target, `/v1alpha/models/${MODEL}:streamGenerateContent?alt=sse`);
});
