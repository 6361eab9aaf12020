// Bad input: refused in the caller's dialect, naming what is wrong, and nobody else's business.

import { assert, flow } from './harness.mjs';

const CHAT = '/v1/chat/completions';
const NATIVE = '/v1beta/models/gemini-2.5-flash:generateContent';

/** Is it an error object of OpenAI's, with all its members? */
function isOpenAI(json, type) {
  assert.deepEqual(Object.keys(json), ['error']);
  assert.deepEqual(Object.keys(json.error).sort(), ['code', 'message', 'param', 'type']);
  assert.ok(json.error.message.length > 5);
  if (type) assert.equal(json.error.type, type);
}

function isGoogle(json, code, status) {
  assert.equal(json.error.code, code);
  assert.equal(json.error.status, status);
  assert.ok(json.error.message.length > 5);
}

const USER = [{ role: 'user', content: 'hi' }];
const FIELDS = [
  [{ messages: USER }, 'model'],
  [{ model: 7, messages: USER }, 'model'],
  [{ model: 'm' }, 'messages'],
  [{ model: 'm', messages: {} }, 'messages'],
  [{ model: 'm', messages: [] }, 'messages'],
  [{ model: 'm', messages: ['hi'] }, 'messages[0]'],
  [{ model: 'm', messages: [...USER, { content: 'x' }] }, 'messages[1].role'],
  [{ model: 'm', messages: [...USER, { role: 'robot', content: 'x' }] }, 'messages[1].role'],
  [
    { model: 'm', messages: [...USER, ...USER, { role: 'user', content: [{ type: 'hologram' }] }] },
    'messages[2].content[0].type',
  ],
  [
    {
      model: 'm',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 5 },
          ],
        },
      ],
    },
    'messages[0].content[1].text',
  ],
  [{ model: 'm', messages: [{ role: 'user' }] }, 'messages[0].content'],
  [{ model: 'm', messages: USER, temperature: 'hot' }, 'temperature'],
  [{ model: 'm', messages: USER, temperature: 2.5 }, 'temperature'],
  [{ model: 'm', messages: USER, top_p: -1 }, 'top_p'],
  [{ model: 'm', messages: USER, n: 9 }, 'n'],
  [{ model: 'm', messages: USER, max_tokens: 0 }, 'max_tokens'],
  [{ model: 'm', messages: USER, stop: ['a', 'b', 'c', 'd', 'e', 'f'] }, 'stop'],
  [{ model: 'm', messages: USER, stop: [1] }, 'stop[0]'],
  [{ model: 'm', messages: USER, stream: 'yes' }, 'stream'],
  [
    { model: 'm', messages: USER, stream_options: { include_usage: 1 } },
    'stream_options.include_usage',
  ],
  [{ model: 'm', messages: USER, response_format: { type: 'xml' } }, 'response_format.type'],
];

flow('a chat that cannot be understood is refused by the name of its field', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const [body, field] of FIELDS) {
    const live = await pollux.request('POST', CHAT, { body });
    assert.equal(live.status, 400, `${JSON.stringify(body)}: ${live.text}`);
    isOpenAI(live.json, 'invalid_request_error');
    assert.equal(live.json.error.param, field, live.text);
    assert.ok(live.json.error.message.includes(field), live.text);
  }
  assert.equal(gemini.asked, 0);
});

const NO_JSON = [
  '',
  ' ',
  '{',
  '{"model": }',
  'model=m',
  '{"model":"m"} x',
  '[]',
  '"text"',
  'null',
  '\ufeff',
  '{"a":"\u0001"}',
  '{"a":01}',
  '{"a":NaN}',
  `${'['.repeat(100000)}`,
  Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
];

flow('a body that is no JSON is refused as that', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const body of NO_JSON) {
    const chat = await pollux.request('POST', CHAT, { body });
    assert.equal(chat.status, 400, `${String(body).slice(0, 40)}: ${chat.text}`);
    isOpenAI(chat.json, 'invalid_request_error');
  }
  for (const body of NO_JSON.filter((b) => !['[]', '"text"', 'null'].includes(b))) {
    const native = await pollux.request('POST', NATIVE, { body });
    assert.equal(native.status, 400, `${String(body).slice(0, 40)}: ${native.text}`);
    isGoogle(native.json, 400, 'INVALID_ARGUMENT');
  }
  assert.equal(gemini.asked, 0);
  assert.equal((await pollux.chat('hi')).text, 'Hello');
});

flow('what this dialect does not know is refused by its name', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  const tools = await pollux.chat('hi', { tools: [{ type: 'teleport' }] });
  assert.equal(tools.status, 400);
  assert.equal(tools.error.param, 'tools[0].type');
  const part = await pollux.chat([{ role: 'user', content: [{ type: 'smell', smell: 'rose' }] }]);
  assert.equal(part.status, 400);
  assert.equal(part.error.param, 'messages[0].content[0].type');
  assert.equal(gemini.asked, 0);
});

flow('no key and a wrong key are 401, in the dialect of the door', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const body = pollux.chatBody('hi');

  for (const key of [
    null,
    'plx-wrong-key-of-some-length',
    '',
    `${pollux.clientKey}x`,
    pollux.clientKey.slice(0, -1),
    t.secret('k1'),
  ]) {
    const chat = await pollux.request('POST', CHAT, { key, body });
    assert.equal(chat.status, 401, `${key}: ${chat.text}`);
    isOpenAI(chat.json, 'invalid_request_error');
    assert.equal(chat.json.error.code, 'invalid_api_key');
    assert.match(chat.headers['www-authenticate'], /Bearer/);
    const native = await pollux.request('POST', NATIVE, {
      key: null,
      headers: key === null ? {} : { 'x-goog-api-key': key },
      body: {},
    });
    assert.equal(native.status, 401);
    isGoogle(native.json, 401, 'UNAUTHENTICATED');
    assert.equal((await pollux.get('/v1/models', { key })).status, 401);
    if (key)
      assert.ok(!chat.text.includes(key) && !native.text.includes(key), 'the key is not repeated');
  }
  assert.equal(gemini.asked, 0);
});

flow('whoever tries key after key is told to wait, but a right key always passes', async (t) => {
  await t.gemini();
  const pollux = await t.pollux({ 'server.workers': 2 });
  let tries = 0;

  for (let status = 401; status === 401; tries++) {
    const answer = await pollux.chat('hi', {}, { key: `plx-wrong-key-number-${tries}` });
    status = answer.status;
    assert.ok(status === 401 || status === 429, answer.body);
    assert.ok(tries < 1000);
    if (status === 429) assert.ok(Number(answer.headers['retry-after']) > 0);
  }
  assert.ok(tries > 5, 'not for a slip of the hand');
  assert.equal((await pollux.chat('hi')).text, 'Hello');
  assert.equal((await pollux.get('/healthz', { key: null })).status, 200);
});

flow('everyone is served where that is written down', async (t) => {
  await t.gemini();
  const pollux = await t.pollux({ 'auth.anonymous': 'yes', clients: [] });

  assert.equal((await pollux.chat('hi', {}, { key: null })).text, 'Hello');
  assert.equal(
    (await pollux.chat('hi', {}, { key: 'sk-whatever-a-program-insists-on' })).text,
    'Hello',
  );
});

flow('a door that is not there is 404, a method that is not is 405', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const path of [
    '/',
    '/v1',
    '/v1/',
    '/v1/nothing',
    '/v1/chat',
    '/v1/chat/completions/more',
    '/metrics',
    '/admin/',
    '/v1/messages',
    '/%2e%2e/etc/passwd',
    '/../../etc/passwd',
    '//v1/models',
  ]) {
    const live = await pollux.request('GET', path);
    assert.equal(live.status, 404, path);
    isOpenAI(live.json, 'invalid_request_error');
  }
  for (const path of ['/v2/models', '/v2/nothing', '/upload/nothing', '/v1beta/../v1/models']) {
    const live = await pollux.request('POST', path, { body: {} });
    assert.equal(live.status, 404, `${path}: ${live.text}`);
    isGoogle(live.json, 404, 'NOT_FOUND');
  }
  for (const [method, path, allow] of [
    ['GET', CHAT, 'POST'],
    ['PUT', CHAT, 'POST'],
    ['DELETE', '/v1/models', 'GET, HEAD'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['GET', '/v2/models/gemini-2.5-flash:generateContent', 'POST'],
  ]) {
    const live = await pollux.request(method, path);
    assert.equal(live.status, 405, `${method} ${path}: ${live.text}`);
    assert.equal(live.headers.allow, allow);
    assert.ok(live.json.error.message);
  }
  assert.equal(gemini.asked, 0);
});

flow("what is Gemini's own and not known here is for Gemini to refuse", async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const path of ['/v1beta/nothing', '/v1beta/models/m:explode', '/v1/models/m:explode']) {
    const live = await pollux.request('POST', path, { body: {} });
    assert.equal(live.status, 404, `${path}: ${live.text}`);
    isGoogle(live.json, 404, 'NOT_FOUND');
  }
  assert.deepEqual(
    gemini.requests.map((r) => r.path),
    ['/v1beta/nothing', '/v1beta/models/m:explode', '/v1beta/models/m:explode'],
  );
});

flow('every answer has an id of its own', async (t) => {
  await t.gemini();
  const pollux = await t.pollux({ 'server.max_body': '1 KiB' });
  const seen = new Set();
  const answers = [
    await pollux.chat('hi'),
    await pollux.chat('hi', { stream: true }),
    await pollux.get('/v1/models'),
    await pollux.get('/healthz'),
    await pollux.native('streamGenerateContent', {}),
    await pollux.get('/nothing'),
    await pollux.get(CHAT),
    await pollux.request('POST', CHAT, { body: '{' }),
    await pollux.request('POST', CHAT, { key: null, body: {} }),
    await pollux.request('POST', CHAT, { body: 'x'.repeat(2000) }),
    await pollux.request('HEAD', '/v1/models'),
    await pollux.chat('hi', { model: 'gpt-99' }),
  ];

  for (const answer of answers) {
    assert.match(answer.headers['x-request-id'], /^req_[0-9a-f]+$/);
    seen.add(answer.headers['x-request-id']);
  }
  assert.equal(seen.size, answers.length);
});

flow('a body over the limit is 413, announced or not', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ 'server.max_body': '64 KiB', 'server.workers': 1 });
  const body = JSON.stringify(pollux.chatBody('x'.repeat(70 << 10)));

  const whole = await pollux.request('POST', CHAT, { body });
  assert.equal(whole.status, 413);
  isOpenAI(whole.json, 'invalid_request_error');
  const native = await pollux.request('POST', NATIVE, { body });
  assert.equal(native.status, 413);
  isGoogle(native.json, 413, 'INVALID_ARGUMENT');

  const raw = await pollux.dial();
  await raw.send(pollux.head(['Transfer-Encoding: chunked']));
  for (let i = 0; i < 5; i++) await raw.send(`4000\r\n${'x'.repeat(0x4000)}\r\n`);
  await raw.send('0\r\n\r\n');
  await raw.until(/^HTTP\/1\.1 413 [^]*"error"/);

  const polite = await pollux.dial();
  await polite.send(pollux.head(['Expect: 100-continue', 'Content-Length: 1000000']));
  await polite.until(/"error"/);
  assert.equal(polite.status, 413, 'without leave to send it');

  assert.equal(gemini.asked, 0);
  assert.equal((await pollux.chat('hi')).text, 'Hello');
});

flow('a body comes in one piece, in chunks, or when it was given leave', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ 'server.max_body': '64 KiB' });
  const body = JSON.stringify(pollux.chatBody('hi'));
  const length = `Content-Length: ${body.length}`;

  const chunked = await pollux.dial();
  await chunked.send(pollux.head(['Transfer-Encoding: chunked']));
  // Without extensions: libmicrohttpd 1.0.1 counts their lines one byte short and refuses them.
  for (const byte of body) await chunked.send(`1\r\n${byte}\r\n`);
  await chunked.send('0\r\n\r\n');
  await chunked.until(/Hello/);

  const polite = await pollux.dial();
  await polite.send(pollux.head(['Expect: 100-continue', length]));
  await polite.until(/^HTTP\/1\.1 100 /);
  await polite.send(body);
  await polite.until(/HTTP\/1\.1 200 [^]*Hello/);

  const talkative = await pollux.dial();
  await talkative.send(pollux.head([`Cookie: ${'c'.repeat(3000)}`, length]) + body);
  await talkative.until(/^HTTP\/1\.1 200 [^]*Hello/);
  assert.equal(gemini.asked, 3);
});

flow('a body at the limit is taken', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ 'server.max_body': '64 KiB' });
  const frame = JSON.stringify(pollux.chatBody('')).length;

  const { text } = await pollux.chat('x'.repeat((64 << 10) - frame));

  assert.equal(text, 'Hello');
  assert.equal(gemini.asked, 1);
});

flow('a head that dribbles in is given up with a 408, and nobody else notices', async (t) => {
  await t.gemini();
  const pollux = await t.pollux({ 'server.header_timeout': '400ms', 'server.workers': 1 });
  const slow = await pollux.dial();
  let sent = 0;
  await slow.send('POST /v1/chat/completions HTTP/1.1\r\nX-Slow: ');
  const dribble = (async () => {
    for (; !slow.isClosed; sent++) {
      await slow.send('a');
      assert.equal((await pollux.chat('hi')).text, 'Hello');
    }
  })();

  await slow.until(/^HTTP\/1\.1 408 /);
  await slow.closed();
  await dribble;
  assert.ok(sent > 1);
});

flow('a body that dribbles in is given up with a 408', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ 'server.header_timeout': '300ms', 'server.workers': 1 });
  const slow = await pollux.dial();
  await slow.send(`${pollux.head(['Content-Length: 100000'])}{"model"`);

  await slow.until(/^HTTP\/1\.1 408 /);
  await slow.closed();
  assert.equal(gemini.asked, 0);
  assert.equal((await pollux.chat('hi')).text, 'Hello');
});

const POST = `POST ${CHAT} HTTP/1.1\r\nHost: pollux\r\n`;
const NO_HTTP = [
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'HELLO\r\n\r\n',
  'GET\r\n\r\n',
  'GET /v1/models\r\n\r\n',
  'GET /v1/models HTTP/9.9\r\n\r\n',
  `GET /v1/models HTTP/1.1\r\nX: ${'a'.repeat(100000)}\r\n\r\n`,
  `GET /${'a'.repeat(100000)} HTTP/1.1\r\n\r\n`,
  `${POST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
  `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  `${POST}Transfer-Encoding: gzip\r\n\r\n`,
  `${POST}Content-Length: -1\r\n\r\n`,
  `${POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
];

flow('what is no request is refused or closed, and harms nobody', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ 'server.header_timeout': '300ms', 'server.workers': 1 });

  for (const bytes of NO_HTTP) {
    const raw = await pollux.dial();
    await raw.send(Buffer.from(bytes, 'latin1'));
    await raw.closed();
    if (raw.text) assert.ok(raw.status >= 400, `${bytes.slice(0, 60)}: ${raw.text.slice(0, 200)}`);
    assert.doesNotMatch(raw.text, /^HTTP\/1\.1 200/m);
  }
  assert.equal(gemini.asked, 0);
  assert.equal((await pollux.chat('hi')).text, 'Hello');
});

flow('requests that follow each other on one connection are answered in order', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const raw = await pollux.dial();
  gemini.anyone.says('first').says('second').says('third');

  await raw.send(['1', '2', '3'].map((said) => pollux.chatBytes(said)).join(''));

  await raw.until(/first[^]*second[^]*third/);
  assert.equal(raw.text.match(/HTTP\/1\.1 200/g).length, 3);
});

flow('without a Gemini key it starts, and says which command adds one', async (t) => {
  await t.gemini();
  const pollux = await t.pollux({ keys: [] });

  const chat = await pollux.chat('hi');
  assert.equal(chat.status, 503);
  isOpenAI({ error: chat.error }, 'server_error');
  assert.match(chat.error.message, /polluxctl keys add/);
  const native = await pollux.native('generateContent', {});
  assert.equal(native.status, 503);
  isGoogle(native.json, 503, 'UNAVAILABLE');
  assert.match(native.json.error.message, /polluxctl keys add/);
  assert.equal((await pollux.get('/readyz')).status, 503);
  assert.equal((await pollux.get('/healthz')).status, 200);
});
