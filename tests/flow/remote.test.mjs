// What lives at Google belongs to the key that made it: one client's things are made with one key,
// and whatever names them goes to their owner, in whichever worker and after a restart.
//
// Lesson #64.  (Gemini API reference: files, caching, batch mode, operations.)

import { assert, fault, flow } from './harness.mjs';
import { Belongings } from './lib/belongings.mjs';
import { Far } from './lib/far.mjs';

const M = '/v1beta/models/gemini-2.5-flash';
const KEYS = ['k1', 'k2', 'k3', 'k4', 'k5'];

/** A Pollux before a Google where each key has its own things. */
async function keeping(t, options = {}) {
  const gemini = await t.gemini();
  const belongings = new Belongings();
  gemini.anyone.does(belongings.answer);
  const pollux = await t.pollux({ keys: KEYS, ...options });
  return { gemini, belongings, pollux };
}

/** The name of the key that Google was asked with last. */
const lastKey = (t, gemini) => KEYS.find((k) => t.secret(k) === gemini.last.secret);

/** A small file, as the SDKs send it; gives what Google says of it. */
async function upload(pollux, bytes = 'some bytes', options = {}) {
  const begun = await pollux.request('POST', '/upload/v1beta/files', {
    ...options,
    headers: {
      'X-Goog-Upload-Protocol': 'resumable',
      'X-Goog-Upload-Command': 'start',
      'X-Goog-Upload-Header-Content-Length': Buffer.byteLength(bytes),
      'X-Goog-Upload-Header-Content-Type': 'text/plain',
    },
    body: '{"file":{"displayName":"mine"}}',
  });
  assert.equal(begun.status, 200, begun.text);
  const { pathname, search } = new URL(begun.headers['x-goog-upload-url']);
  const done = await pollux.request('POST', pathname + search, {
    ...options,
    headers: {
      'X-Goog-Upload-Command': 'upload, finalize',
      'X-Goog-Upload-Offset': 0,
      'Content-Type': 'application/octet-stream',
    },
    body: bytes,
  });
  assert.equal(done.status, 200, done.text);
  return done.json.file;
}

async function createCache(pollux, options = {}) {
  const body = { model: 'models/gemini-2.5-flash', contents: [{ parts: [{ text: 'long' }] }] };
  const live = await pollux.request('POST', '/v1beta/cachedContents', { body, ...options });
  assert.equal(live.status, 200, live.text);
  return live.json;
}

/** k1 comes first and is spent for a moment, so that what is made now belongs to k2. */
async function madeByTheSecond(gemini, belongings, pollux, make) {
  gemini.replace('k1').answers(429, { retryDelay: '40s' });
  const made = await make();
  gemini.replace('k1').does(belongings.answer);
  await pollux.thaw();
  return made;
}

const aboutFile = (...names) => [
  {
    role: 'user',
    content: [
      { type: 'text', text: 'What is in it?' },
      ...names.map((file_id) => ({ type: 'file', file: { file_id } })),
    ],
  },
];

const nativeAboutFile = (fileUri) => ({
  contents: [{ role: 'user', parts: [{ fileData: { fileUri } }, { text: 'What is in it?' }] }],
});

/* ---- making ---- */

flow("one client's files and caches are all made with one key", async (t) => {
  const clients = ['client', 'client-2', 'client-3'].map((name) => t.secret(name));
  const { gemini, pollux } = await keeping(t, { clients });

  for (const key of clients) {
    const before = gemini.asked;
    const first = await upload(pollux, 'one', { key });
    const second = await upload(pollux, 'two', { key });
    const cache = await createCache(pollux, { key });
    for (let i = 0; i < 3; i++) await upload(pollux, `more ${i}`, { key });
    const secrets = new Set(gemini.requests.slice(before).map((r) => r.secret));
    assert.equal(secrets.size, 1, 'all with one key');

    const chat = await pollux.chat(aboutFile(first.name, second.uri), {}, { key });
    assert.equal(chat.text, 'Hello', chat.body);
    assert.ok(secrets.has(gemini.last.secret), 'and both can be used together');
    const cached = await pollux.native(
      'generateContent',
      { ...nativeAboutFile(first.uri), cachedContent: cache.name },
      { key },
    );
    assert.equal(cached.status, 200, cached.text);
    assert.ok(secrets.has(gemini.last.secret));
  }
});

flow('batches and videos of a client are made where its files are', async (t) => {
  const { gemini, belongings, pollux } = await keeping(t);

  const { name } = await upload(pollux);
  const owner = lastKey(t, gemini);
  const batch = await pollux.native('batchGenerateContent', {
    batch: { displayName: 'night', inputConfig: { fileName: name } },
  });
  assert.equal(lastKey(t, gemini), owner);
  const video = await pollux.native('predictLongRunning', { instances: [{ prompt: 'a cat' }] });
  assert.equal(lastKey(t, gemini), owner);

  belongings.finishBatches('a', 'b');
  for (let i = 0; i < 4; i++) {
    const done = await pollux.get(`/v1beta/${batch.json.name}`);
    assert.equal(done.json.metadata.state, 'BATCH_STATE_SUCCEEDED', done.text);
  }
  await pollux.get(`/v1beta/${video.json.name}`);
  const done = await pollux.get(`/v1beta/${video.json.name}`);
  const { uri } = done.json.response.generateVideoResponse.generatedSamples[0].video;
  const film = await pollux.get(new URL(uri).pathname + new URL(uri).search);
  assert.equal(film.text, `a video for ${video.json.name}`);
  assert.equal(lastKey(t, gemini), owner);
});

/* ---- using ---- */

flow('what names a file goes to its owner, though another key would be chosen', async (t) => {
  const { gemini, belongings, pollux } = await keeping(t, { 'pool.pick': 'order' });
  const file = await madeByTheSecond(gemini, belongings, pollux, () => upload(pollux));
  assert.equal(lastKey(t, gemini), 'k2');

  await pollux.chat('hi');
  assert.equal(lastKey(t, gemini), 'k1', 'the first comes first');
  for (const [what, ask] of [
    ['by name', () => pollux.chat(aboutFile(file.name))],
    ['by its address', () => pollux.chat(aboutFile(file.uri))],
    ['in a stream', () => pollux.chat(aboutFile(file.name), { stream: true })],
    ['by two parts', () => pollux.chat(aboutFile(file.name, file.name))],
    ['in native words', () => pollux.native('generateContent', nativeAboutFile(file.uri))],
    [
      'in snake case',
      () =>
        pollux.native('streamGenerateContent', {
          contents: [{ parts: [{ file_data: { file_uri: file.uri } }] }],
        }),
    ],
    ['when tokens are counted', () => pollux.native('countTokens', nativeAboutFile(file.uri))],
    ['the file itself', () => pollux.get(`/v1beta/${file.name}`)],
    [
      'a cache of it',
      () =>
        pollux.request('POST', '/v1beta/cachedContents', {
          body: { model: 'models/gemini-2.5-flash', ...nativeAboutFile(file.uri) },
        }),
    ],
  ]) {
    const asked = gemini.asked;
    const live = await ask();
    assert.equal(live.status, 200, `${what}: ${live.text ?? live.body}`);
    assert.equal(lastKey(t, gemini), 'k2', what);
    assert.equal(gemini.asked, asked + 1, `${what}: at once`);
  }
});

flow('what names a cache goes to its owner', async (t) => {
  const { gemini, belongings, pollux } = await keeping(t, { 'pool.pick': 'order' });
  const cache = await madeByTheSecond(gemini, belongings, pollux, () => createCache(pollux));

  const google = { cached_content: cache.name };
  assert.equal((await pollux.chat('hi', { extra_body: { google } })).status, 200);
  assert.equal(lastKey(t, gemini), 'k2');
  assert.equal(gemini.last.json.cachedContent, cache.name);
  await pollux.native('generateContent', {
    contents: [{ parts: [{ text: 'hi' }] }],
    cachedContent: cache.name,
  });
  assert.equal(lastKey(t, gemini), 'k2');
  const put = await pollux.request('PATCH', `/v1beta/${cache.name}?updateMask=ttl`, {
    body: { ttl: '600s' },
  });
  assert.equal(put.json.expireTime, 'in 600s', put.text);
  const gone = await pollux.request('DELETE', `/v1beta/${cache.name}`);
  assert.equal(gone.status, 200, gone.text);
  assert.equal(lastKey(t, gemini), 'k2');
});

flow('what is only spoken of, or is somebody elses, goes anywhere', async (t) => {
  const { gemini, belongings, pollux } = await keeping(t, { 'pool.pick': 'order' });
  const file = await madeByTheSecond(gemini, belongings, pollux, () => upload(pollux));
  const args = { fileData: { fileUri: file.uri }, cachedContent: file.name };

  for (const contents of [
    [{ parts: [{ text: `see "fileUri": "${file.uri}"` }] }],
    [{ parts: [{ fileData: { fileUri: 'https://www.youtube.com/watch?v=abc' } }] }],
    [{ parts: [{ fileData: { fileUri: `https://example.com/v1beta/${file.name}` } }] }],
    [
      { role: 'user', parts: [{ text: 'hi' }] },
      { role: 'model', parts: [{ functionCall: { name: 'f', args } }] },
      { role: 'user', parts: [{ functionResponse: { name: 'f', response: args } }] },
    ],
  ]) {
    const live = await pollux.native('generateContent', { contents });
    assert.equal(live.status, 200, live.text);
    assert.equal(lastKey(t, gemini), 'k1', JSON.stringify(contents));
  }
});

flow('things of two keys cannot be used together, and the refusal names them', async (t) => {
  const { gemini, belongings, pollux } = await keeping(t, { 'pool.pick': 'order' });
  const first = await upload(pollux);
  const second = await madeByTheSecond(gemini, belongings, pollux, () => upload(pollux));
  const cache = await madeByTheSecond(gemini, belongings, pollux, () => createCache(pollux));
  const asked = gemini.asked;

  const chat = await pollux.chat(aboutFile(first.name, second.name));
  assert.equal(chat.status, 400);
  assert.match(chat.error.message, new RegExp(`${first.name}.*${second.name}.*different`));
  const native = await pollux.native('generateContent', {
    ...nativeAboutFile(first.uri),
    cachedContent: cache.name,
  });
  assert.equal(native.status, 400);
  assert.equal(native.json.error.status, 'INVALID_ARGUMENT');
  assert.match(native.json.error.message, new RegExp(`${first.name}.*${cache.name}`));
  const made = await pollux.native('batchGenerateContent', {
    batch: {
      inputConfig: {
        requests: { requests: [first, second].map(({ uri }) => ({ request: nativeAboutFile(uri) })) },
      },
    },
  });
  assert.equal(made.status, 400, made.text);
  assert.equal(gemini.asked, asked, 'Google was not asked');
  for (const { name } of [first, second])
    assert.equal((await pollux.chat(aboutFile(name))).status, 200, 'each for itself can be used');
});

/* ---- in time ---- */

flow('the next request finds the owner, in whichever worker and after a restart', async (t) => {
  const { gemini, belongings, pollux } = await keeping(t, {
    'pool.pick': 'order',
    'server.workers': 3,
  });
  const files = [];

  for (let i = 0; i < 6; i++) {
    files.push(await madeByTheSecond(gemini, belongings, pollux, () => upload(pollux)));
    const chat = await pollux.chat(aboutFile(...files.map((f) => f.name)));
    assert.equal(chat.status, 200, chat.body);
    assert.equal(lastKey(t, gemini), 'k2');
  }
  await pollux.restart();
  for (const { name } of files) {
    assert.equal((await pollux.get(`/v1beta/${name}`)).status, 200);
    assert.equal(lastKey(t, gemini), 'k2');
  }
});

flow('an owner that is gone is told of, and nobody else is asked', async (t) => {
  const { gemini, belongings, pollux } = await keeping(t, { 'pool.pick': 'order' });
  const file = await madeByTheSecond(gemini, belongings, pollux, () => upload(pollux));
  const asked = gemini.asked;

  await pollux.ctl('keys', 'disable', 'k2');
  for (const live of [
    await pollux.chat(aboutFile(file.name)),
    await pollux.native('generateContent', nativeAboutFile(file.uri)),
    await pollux.get(`/v1beta/${file.name}`),
  ]) {
    assert.equal(live.status, 503, live.body ?? live.text);
    assert.match((live.error ?? live.json.error).message, /the credential that owns/);
  }
  assert.equal(gemini.asked, asked);
  await pollux.ctl('keys', 'enable', 'k2');
  assert.equal((await pollux.chat(aboutFile(file.name))).status, 200);
  assert.equal(lastKey(t, gemini), 'k2');
});

flow('what was deleted, or is not there any more, has no owner', async (t) => {
  const { gemini, belongings, pollux } = await keeping(t, { 'pool.pick': 'order' });
  const upload2 = () => madeByTheSecond(gemini, belongings, pollux, () => upload(pollux));
  const deleted = await upload2();
  const lost = await upload2();

  const gone = await pollux.request('DELETE', `/v1beta/${deleted.name}`);
  assert.equal(gone.status, 200, gone.text);
  assert.equal(lastKey(t, gemini), 'k2');
  gemini.replace('k2').answers(404, { body: fault(404, { message: 'Not found.' }) });
  assert.equal((await pollux.get(`/v1beta/${lost.name}`)).status, 404);
  assert.equal(lastKey(t, gemini), 'k2');
  gemini.replace('k2').does(belongings.answer);
  await pollux.thaw();
  for (const { name } of [deleted, lost]) {
    await pollux.get(`/v1beta/${name}`);
    assert.equal(lastKey(t, gemini), 'k1', name);
  }
});

/* The last bytes wait for the store, and not for ever. */
flow('a store that stands still holds an upload up for a moment only', async (t) => {
  const { gemini, belongings, pollux } = await keeping(t, { 'pool.pick': 'order' });
  const janitor = pollux.janitor();
  let file;

  process.kill(janitor, 'SIGSTOP');
  try {
    file = await upload(pollux);
    await pollux.logs(/warn.*the store is slow/);
  } finally {
    process.kill(janitor, 'SIGCONT');
  }
  assert.equal((await pollux.get(`/v1beta/${file.name}`)).status, 200);
  /* What was waiting is stored once it can be. */
  const later = await madeByTheSecond(gemini, belongings, pollux, () => upload(pollux));
  const both = await pollux.chat(aboutFile(file.name, later.name));
  assert.equal(both.status, 400, both.body);
});

/* ---- answers ---- */

flow('an owner is learned from answers in pieces, and large ones just pass', async (t) => {
  const keyOf = (visit) => KEYS.find((k) => t.secret(k) === visit.secret);
  let said;
  t.upstream = t.keep(
    await Far.start(async (visit) => {
      await visit.whole();
      if (visit.target !== '/v1beta/files') return visit.answer(200, { key: keyOf(visit) });
      visit.response.writeHead(200, { 'Content-Type': 'application/json; charset=UTF-8' });
      for (const piece of said) await visit.write(piece);
      return visit.response.end();
    }),
  );
  const pollux = await t.pollux({ keys: KEYS, 'pool.pick': 'round-robin' });

  said = ['{"files":[', '{"name":"files/in-', 'pieces"}', ']}'];
  const list = await pollux.get('/v1beta/files');
  assert.equal(list.text, said.join(''));
  const owner = keyOf(t.upstream.last);
  for (let i = 0; i < KEYS.length; i++)
    assert.equal((await pollux.get('/v1beta/files/in-pieces')).json.key, owner);

  said = ['{"files":[{"name":"files/in-large"}]', `,"nextPageToken":"${'x'.repeat(300 << 10)}"}`];
  const large = await pollux.get('/v1beta/files');
  assert.equal(large.text, said.join(''));
  assert.ok(!large.wasCutOff);
  const asked = new Set();
  for (let i = 0; i < 2 * KEYS.length; i++)
    asked.add((await pollux.get('/v1beta/files/in-large')).json.key);
  assert.ok(asked.size > 1, 'nobody owns it');
});
