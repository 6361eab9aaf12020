// What one client does, by mistake or on purpose, costs no other: credentials stay as they are.
//
// Doors of Gemini's own API, where paths, headers and bodies are the client's.

import { assert, fault, flow } from './harness.mjs';
import { Far } from './lib/far.mjs';
import { politely } from './lib/gemini.mjs';

const M = '/v1beta/models/gemini-2.5-flash';

/** The status of a request whose target is written as it is. */
async function statusOf(pollux, method, target) {
  const raw = await pollux.dial();
  await raw.send(
    `${method} ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${pollux.clientKey}\r\n` +
      'Content-Length: 0\r\n\r\n',
  );
  await raw.until(/HTTP\/1\.1 \d+/);
  const { status } = raw;
  raw.leave();
  return status;
}

/** No credential was blamed, frozen or disabled. */
async function assertBlameless(pollux) {
  for (const key of (await pollux.ctl('keys', 'list')).keys) {
    assert.equal(key.state, 'enabled', key.label);
    assert.equal(key.failures, 0, key.label);
  }
  assert.equal((await pollux.chat('hi')).text, 'Hello');
}

flow('a path that no URL may have is refused before anyone is asked', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });

  for (let i = 0; i < 3; i++) {
    for (const target of [
      '/v1beta/files/a b',
      '/v1beta/files/a\x01b',
      '/v1beta/files/a\x7fb',
      '/v1beta/files/a\tb',
      '/v1beta/files/a#b',
    ]) {
      // libmicrohttpd 1.0 has words of its own for blanks: 301, to the path without them.
      const refusals = /[ \t]/.test(target) ? [400, 301] : [400];
      const status = await statusOf(pollux, 'GET', target);
      assert.ok(refusals.includes(status), `${JSON.stringify(target)}: ${status}`);
    }
  }
  for (const target of [
    '/v1/models/a%0d%0ax:y-search:predict',
    '/v1/models/a%3Fb:predict',
    '/v2/models/a%23b:predict',
    `/v1/models/${'a'.repeat(600)}:predict`,
    `${M}%20x:predict`,
  ])
    assert.equal(await statusOf(pollux, 'POST', target), 404, target.slice(0, 60));
  assert.equal(gemini.asked, 0);
  await assertBlameless(pollux);
});

flow('no spelling of a path leads to doors that are ours, or out of the API', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const target of [
    '/v1beta//openai/files',
    '/v1beta/%6fpenai/files',
    '/v1beta/%6Fpenai/chat/completions',
    '/v1beta/..;/x',
    '/v1beta/files/%2e%2e;a=b/x',
    '//v1beta/files',
  ])
    assert.equal(await statusOf(pollux, 'POST', target), 404, target);
  assert.equal(gemini.asked, 0);
});

flow('a method that takes no keys disables none', async (t) => {
  const gemini = await t.gemini();
  const said = fault(401, {
    message: 'API keys are not supported by this API. Expected OAuth2 access token or other.',
    reason: 'CREDENTIALS_MISSING',
  });
  gemini.anyone.does((asked) => asked.whole(401, said));
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });

  const live = await pollux.request('POST', '/v1beta/corpora', { body: {} });
  assert.equal(live.status, 401);
  assert.deepEqual(live.json, said);
  assert.equal(gemini.asked, 1);
  gemini.anyone.does(politely);
  await assertBlameless(pollux);
});

flow("Google's quoting what a client wrote disables nothing", async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.does((asked) =>
    asked.whole(
      400,
      fault(400, {
        message:
          'Invalid JSON payload received. Unknown name "API key not valid": Cannot find field.',
      }),
    ),
  );
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });

  const live = await pollux.request('POST', `${M}:generateContent`, {
    body: { contents: [], 'API key not valid': 1 },
  });
  assert.equal(live.status, 400);
  assert.equal(gemini.asked, 1);
  gemini.anyone.does(politely);
  await assertBlameless(pollux);
});

flow('what a collection has used up is not lost to the models', async (t) => {
  const gemini = await t.gemini();
  const spent = {
    message: 'TotalCachedContentStorageTokensPerModelFreeTier limit exceeded: limit=0',
    quotaId: 'TotalCachedContentStorageTokensPerModelFreeTier',
    quotaValue: '0',
  };
  gemini.anyone.answers(429, spent);
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });

  const live = await pollux.request('POST', '/v1beta/cachedContents', { body: {} });
  assert.equal(live.status, 429);
  assert.equal(gemini.asked, 2);
  const again = await pollux.request('POST', '/v1beta/%63achedContents?x=y', { body: {} });
  assert.equal(again.status, 429, 'of all spellings');
  assert.equal(gemini.asked, 2, 'what is spent is not asked for');
  gemini.anyone.does(politely);
  assert.equal((await pollux.chat('hi')).text, 'Hello');
});

flow('a client in a hurry is no fault of a credential', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(504, { message: 'Deadline expired before operation could complete.' });
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });

  for (let i = 0; i < 4; i++) {
    const live = await pollux.request('GET', '/v1beta/files', {
      headers: { 'x-server-timeout': '60' },
    });
    assert.equal(live.status, 504);
  }
  assert.equal(gemini.asked, 4);
  gemini.anyone.does(politely);
  await assertBlameless(pollux);
});

flow('who asks is told to nobody, however it is told to us', async (t) => {
  t.upstream = t.keep(
    await Far.start(async (visit) => {
      await visit.whole();
      visit.answer(200, '{}');
    }),
  );
  const pollux = await t.pollux();
  const headers = {
    'x-goog-iap-jwt-assertion': 'theirs',
    'x-goog-authenticated-user-email': 'theirs',
    'x-goog-authenticated-user-id': 'theirs',
    'x-goog-iam-authorization-token': 'theirs',
    'x-goog-api-client': 'theirs',
    'proxy-authorization': 'theirs',
    'x-api-key': 'theirs',
    cookie: 'theirs',
  };

  await pollux.request('GET', '/v1beta/files?key=theirs&%6Bey=theirs&$key=theirs&pageSize=1', {
    headers,
  });
  assert.equal(t.upstream.last.target, '/v1beta/files?pageSize=1');
  assert.ok(!t.upstream.last.head.includes('theirs'), t.upstream.last.head);
});
