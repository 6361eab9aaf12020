// Media in messages: data URLs, and what stands elsewhere and is fetched from there.
//
// Mapping section 1; ambiguity A-6; lesson #35; fault (h) of a popular peer.

import http from 'node:http';
import { assert, ConnectProxy, deferred, flow, until } from './harness.mjs';
import { MEMORY_TELLS, MIB, peakBytes } from './lib/memory.mjs';

const PNG = Buffer.concat([
  Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
  Buffer.from('a cat, as far as anyone can tell'),
]);
const CAT = { inlineData: { mimeType: 'image/png', data: PNG.toString('base64') } };

/* An address needs no name to be looked up, and this one is public; nobody there is asked. */
const HOST = '93.184.216.34';
const URL_OF_CAT = `http://${HOST}/cat.png`;

/** A server of media; what stands under which path is said by the story. */
class Media {
  hits = [];
  paths = {};
  #open = new Set();

  static async start() {
    const m = new Media();
    m.server = http.createServer((request, response) => {
      m.hits.push(request);
      const at = m.paths[request.url];
      if (!at) response.writeHead(404).end();
      else if (typeof at === 'function') at(request, response);
      else response.writeHead(at.status ?? 200, at.headers).end(at.body);
    });
    m.server.on('connection', (conn) => {
      m.#open.add(conn);
      conn.on('close', () => m.#open.delete(conn));
    });
    await new Promise((resolve) => m.server.listen(0, '127.0.0.1', resolve));
    m.port = m.server.address().port;
    m.paths['/cat.png'] = { headers: { 'Content-Type': 'image/png' }, body: PNG };
    return m;
  }

  get connections() {
    return this.#open.size;
  }

  async close() {
    for (const conn of this.#open) conn.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** A proxy that leads what goes to the public address to the story's own server. */
class Detour extends ConnectProxy {
  join(conn, host, port) {
    return host === HOST
      ? super.join(conn, '127.0.0.1', this.media.port)
      : super.join(conn, host, port);
  }

  /** Where it was asked to go, Gemini apart. */
  elsewhere(gemini) {
    return this.visits.map((v) => v.target).filter((x) => x !== `127.0.0.1:${gemini.port}`);
  }
}

async function scene(t, options = {}) {
  const gemini = await t.gemini();
  const media = t.keep(await Media.start());
  const proxy = t.keep(await Detour.start());
  proxy.media = media;
  const pollux = await t.pollux({ 'upstream.proxy': `http://127.0.0.1:${proxy.port}`, ...options });
  return { gemini, media, proxy, pollux };
}

const image = (url) => ({ type: 'image_url', image_url: { url } });
const show = (...parts) => [{ role: 'user', content: [{ type: 'text', text: 'What?' }, ...parts] }];
const seen = (gemini) => gemini.last.json.contents[0].parts.slice(1);

async function refused(pollux, part, words) {
  const answer = await pollux.chat(show(part));
  assert.equal(answer.status, 400, `${JSON.stringify(part).slice(0, 200)}: ${answer.body}`);
  assert.equal(answer.error.type, 'invalid_request_error');
  assert.match(answer.error.param, /^messages\[0\]\.content\[1\]/);
  if (words) assert.match(answer.error.message, words);
  return answer;
}

const BASE64 = PNG.toString('base64');
const DATA = {
  'as it should be': [`data:image/png;base64,${BASE64}`, CAT],
  'without padding': [`data:image/png;base64,${BASE64.replace(/=+$/, '')}`, CAT],
  'with line ends and blanks': [
    `data:image/png;base64,${BASE64.replace(/(.{7})/g, '$1\r\n ')}`,
    CAT,
  ],
  'in the alphabet of URLs': [
    `data:image/png;base64,${Buffer.from([0xfb, 0xff, 0xfe]).toString('base64url')}`,
    { inlineData: { mimeType: 'image/png', data: '+//+' } },
  ],
  'a name that is wrong and common': [
    `data:image/jpg;base64,${BASE64}`,
    { inlineData: { ...CAT.inlineData, mimeType: 'image/jpeg' } },
  ],
  'with parameters': [`data:image/png;name=cat.png;base64,${BASE64}`, CAT],
  'in capitals': [`DATA:image/png;BASE64,${BASE64}`, CAT],
  'not in base64': [
    'data:image/svg+xml,%3Csvg/%3E',
    {
      inlineData: {
        mimeType: 'image/svg+xml',
        data: Buffer.from('<svg/>').toString('base64'),
      },
    },
  ],
};

flow('data URLs, in all the ways that programs write them', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const [name, [url, part]] of Object.entries(DATA)) {
    const answer = await pollux.chat(show(image(url)));
    assert.equal(answer.status, 200, `${name}: ${answer.body}`);
    assert.deepEqual(seen(gemini), [part], name);
  }
  await pollux.chat(show({ type: 'image_url', image_url: `data:image/png;base64,${BASE64}` }));
  assert.deepEqual(seen(gemini), [CAT], 'a bare string');
});

flow('data URLs that are broken are refused, and where they stand is said', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const url of [
    'data:image/png;base64,@@@@',
    'data:image/png;base64,A',
    'data:image/png;base64,AA=A',
    'data:image/png;base64,',
    'data:image/png;base64',
    'data:',
    '',
    'ftp://example.org/cat.png',
    'file:///etc/passwd',
    'cat.png',
    'javascript:alert(1)',
  ])
    await refused(pollux, image(url));
  assert.equal(gemini.asked, 0);
});

/* Fault (h): a document is no less a part than a picture. */
flow('files, sound and video reach Gemini with their types', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const data = Buffer.from('%PDF-1.7').toString('base64');
  const inline = (mimeType) => ({ inlineData: { mimeType, data } });

  for (const [part, expected] of [
    [
      { type: 'file', file: { file_data: `data:application/pdf;base64,${data}` } },
      'application/pdf',
    ],
    [{ type: 'file', file: { file_data: data, filename: 'a.PDF' } }, 'application/pdf'],
    [{ type: 'file', file: { file_data: data } }, 'application/pdf'],
    [{ type: 'input_audio', input_audio: { data, format: 'wav' } }, 'audio/wav'],
    [{ type: 'input_audio', input_audio: { data, format: 'mp3' } }, 'audio/mp3'],
    [{ type: 'input_audio', input_audio: { data, format: 'pcm16' } }, 'audio/L16;rate=24000'],
    [{ type: 'video_url', video_url: { url: `data:video/mp4;base64,${data}` } }, 'video/mp4'],
  ]) {
    const answer = await pollux.chat(show(part));
    assert.equal(answer.status, 200, `${JSON.stringify(part)}: ${answer.body}`);
    assert.deepEqual(seen(gemini), [inline(expected)]);
  }
});

flow('what is at Google already is named and not fetched', async (t) => {
  const { gemini, media, pollux } = await scene(t);
  const file = 'https://generativelanguage.googleapis.com/v1beta/files/abc-123';

  for (const [url, fileUri, more = {}] of [
    [file, file],
    ['files/abc-123', file],
    ['https://www.youtube.com/watch?v=9hE5-98ZeCg', 'https://www.youtube.com/watch?v=9hE5-98ZeCg'],
    ['https://youtu.be/9hE5-98ZeCg', 'https://youtu.be/9hE5-98ZeCg'],
    ['gs://bucket/a/cat.png', 'gs://bucket/a/cat.png', { mimeType: 'image/png' }],
  ]) {
    const answer = await pollux.chat(show(image(url)));
    assert.equal(answer.status, 200, `${url}: ${answer.body}`);
    const [{ fileData }] = seen(gemini);
    assert.ok(
      fileData.fileUri === fileUri || fileUri.endsWith(`/${fileData.fileUri}`),
      JSON.stringify(fileData),
    );
    if (more.mimeType) assert.equal(fileData.mimeType, more.mimeType);
  }
  assert.equal(media.hits.length, 0);
});

flow('a picture elsewhere is fetched, looked at and sent along', async (t) => {
  const { gemini, media, proxy, pollux } = await scene(t);

  media.paths['/liar'] = { headers: { 'Content-Type': 'text/plain' }, body: PNG };
  media.paths['/mute'] = { headers: {}, body: PNG };
  media.paths['/gif?size=1'] = {
    headers: { 'Content-Type': 'application/octet-stream' },
    body: 'GIF89a...',
  };
  for (const [path, part] of [
    ['/cat.png', CAT],
    ['/liar', CAT],
    ['/mute', CAT],
    [
      '/gif?size=1',
      {
        inlineData: { mimeType: 'image/gif', data: Buffer.from('GIF89a...').toString('base64') },
      },
    ],
  ]) {
    const answer = await pollux.chat(show(image(`http://${HOST}${path}`)));
    assert.equal(answer.status, 200, answer.body);
    assert.deepEqual(seen(gemini), [part], path);
  }
  assert.ok(
    proxy.elsewhere(gemini).every((x) => x === `${HOST}:80`),
    'all through the proxy',
  );
  for (const { headers } of media.hits) {
    assert.equal(headers.host, HOST);
    for (const name of ['authorization', 'x-goog-api-key', 'cookie', 'x-api-key'])
      assert.equal(headers[name], undefined, name);
  }
});

flow('one URL is fetched once, however often it is named', async (t) => {
  const { gemini, media, pollux } = await scene(t);

  media.paths['/dog.png'] = media.paths['/cat.png'];
  const answer = await pollux.chat(
    show(image(URL_OF_CAT), image(`http://${HOST}/dog.png`), image(URL_OF_CAT)),
  );
  assert.equal(answer.status, 200, answer.body);
  assert.deepEqual(seen(gemini), [CAT, CAT, CAT]);
  assert.deepEqual(media.hits.map((h) => h.url).sort(), ['/cat.png', '/dog.png']);
});

flow(
  'what was fetched is not fetched again for another credential or a mended request',
  async (t) => {
    const { gemini, media, pollux } = await scene(t, { keys: ['k1', 'k2'], 'pool.pick': 'order' });
    gemini
      .for('k1')
      .answers(400, { message: 'Penalty is not enabled for this model' })
      .answers(429, { retryDelay: '40s' });
    gemini.for('k2').says('a cat');

    const answer = await pollux.chat(show(image(URL_OF_CAT)), { presence_penalty: 1 });

    assert.equal(answer.text, 'a cat', answer.body);
    assert.equal(gemini.asked, 3);
    for (const { json } of gemini.requests) assert.deepEqual(json.contents[0].parts[1], CAT);
    assert.equal(media.hits.length, 1);
  },
);

flow('three redirects are followed, and no fourth', async (t) => {
  const { gemini, media, pollux } = await scene(t);
  const to = (Location) => ({ status: 302, headers: { Location } });
  Object.assign(media.paths, {
    '/r4': to('/r3'),
    '/r3': to(`http://${HOST}/r2`),
    '/r2': { status: 308, headers: { Location: 'r1?a=b' } },
    '/r1?a=b': to('//93.184.216.34/cat.png'),
  });

  const answer = await pollux.chat(show(image(`http://${HOST}/r3`)));
  assert.equal(answer.status, 200, answer.body);
  assert.deepEqual(seen(gemini), [CAT]);
  assert.equal(media.hits.length, 4);

  await refused(pollux, image(`http://${HOST}/r4`), /redirects more than 3 times/);
  assert.equal(media.hits.length, 8, 'the fourth leads nowhere');
  assert.equal(gemini.asked, 1);
});

const PRIVATE = [
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0177.0.0.1',
  'localhost',
  '0.0.0.0',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '100.127.255.254',
  '198.18.0.1',
  '192.0.0.192',
  '224.0.0.1',
  '255.255.255.255',
  '[::1]',
  '[::]',
  '[fe80::1]',
  '[fd00:ec2::254]',
  '[ff02::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:a00:1]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
];

flow('addresses that are not public are refused before anyone is asked', async (t) => {
  const { gemini, media, proxy, pollux } = await scene(t);

  for (const host of PRIVATE) {
    await refused(pollux, image(`http://${host}:${media.port}/cat.png`));
    media.paths['/away'] = { status: 302, headers: { Location: `http://${host}/cat.png` } };
    await refused(pollux, image(`http://${HOST}/away`));
  }
  assert.equal(media.hits.length, PRIVATE.length, 'the redirects alone');
  assert.ok(
    proxy.elsewhere(gemini).every((x) => x === `${HOST}:80`),
    'nobody else was asked for',
  );
  assert.equal(gemini.asked, 0);
});

flow('no more is reached without a proxy', async (t) => {
  const gemini = await t.gemini();
  const media = t.keep(await Media.start());
  const pollux = await t.pollux();
  let connections = 0;
  media.server.on('connection', () => connections++);

  for (const host of ['127.0.0.1', 'localhost', '2130706433', '[::1]', '[::ffff:127.0.0.1]'])
    await refused(pollux, image(`http://${host}:${media.port}/cat.png`));
  assert.equal(connections, 0);
  assert.equal(gemini.asked, 0);
});

flow('what is too large, not there or no picture is refused', async (t) => {
  const { gemini, media, pollux } = await scene(t);
  const html = { headers: { 'Content-Type': 'text/html' }, body: '<html>Log in</html>' };
  let written = 0;

  Object.assign(media.paths, {
    '/declared': (_, response) => {
      response.writeHead(200, { 'Content-Type': 'image/png', 'Content-Length': 21 << 20 });
      response.write(PNG);
    },
    '/endless': (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65536))) written += 65536;
        if (!response.destroyed) response.once('drain', more);
      };
      response.writeHead(200, { 'Content-Type': 'image/png' });
      more();
    },
    '/html': html,
    '/html-with-a-lie': { ...html, headers: { 'Content-Type': 'image/png' } },
    '/empty': { headers: { 'Content-Type': 'image/png' }, body: '' },
    '/forbidden': { status: 403, headers: {}, body: 'no' },
    '/broken': (_, response) => {
      response.writeHead(200, { 'Content-Type': 'image/png', 'Content-Length': 1000 });
      response.write(PNG, () => response.destroy());
    },
    '/reset': (request) => request.socket.resetAndDestroy(),
    '/zip': { headers: { 'Content-Type': 'image/png', 'Content-Encoding': 'gzip' }, body: PNG },
  });
  for (const [path, words] of [
    ['/declared', /larger than 20 MB/],
    ['/endless', /larger than 20 MB/],
    ['/html', /not an image/],
    ['/html-with-a-lie', undefined],
    ['/empty', /empty/],
    ['/missing', /404/],
    ['/forbidden', /403/],
    ['/broken', /broke off/],
    ['/reset', undefined],
    ['/zip', undefined],
  ])
    await refused(pollux, image(`http://${HOST}${path}`), words);
  await until(() => media.connections === 0, 'all fetches to be over');
  assert.ok(written < 64 << 20, 'it was left when it was too large');
  assert.equal(gemini.asked, 0);
});

flow('a slow server is waited for only so long, and nobody else waits with it', async (t) => {
  const { gemini, media, pollux } = await scene(t, { 'server.workers': 1 });
  const begun = deferred();
  media.paths['/slow'] = (_, response) => {
    response.writeHead(200, { 'Content-Type': 'image/png' });
    response.write(PNG);
    begun.resolve();
  };

  const slow = refused(pollux, image(`http://${HOST}/slow`), /took longer than 10 s/);
  await begun.promise;
  assert.equal((await pollux.chat('hi')).text, 'Hello');
  await slow;
  assert.equal(gemini.asked, 1);
});

flow('a client that leaves takes its fetches along', async (t) => {
  const { gemini, media, pollux } = await scene(t);
  const begun = deferred();
  media.paths['/slow'] = (_, response) => {
    response.writeHead(200, { 'Content-Type': 'image/png' });
    response.write(PNG);
    begun.resolve();
  };

  let request;
  const asked = pollux.openChat(
    show(image(`http://${HOST}/slow`)),
    {},
    { sent: (r) => (request = r) },
  );
  asked.catch(() => {});
  await begun.promise;
  request.destroy();
  await until(() => media.connections === 0, 'the fetch to be given up');
  assert.equal(gemini.asked, 0);
});

flow('remote_media = passthrough leaves it to Google, reject refuses it', async (t) => {
  const { gemini, media, pollux } = await scene(t, { 'dialect.remote_media': 'passthrough' });

  await pollux.chat(show(image('https://example.org/a/cat.png')));
  assert.equal(seen(gemini)[0].fileData.fileUri, 'https://example.org/a/cat.png');
  assert.equal(media.hits.length, 0);

  await pollux.restart({ settings: { 'dialect.remote_media': 'reject' } });
  const asked = gemini.asked;
  await refused(pollux, image(URL_OF_CAT));
  await pollux.chat(show(image(`data:image/png;base64,${BASE64}`)));
  assert.deepEqual(seen(gemini), [CAT]);
  assert.equal(gemini.asked - asked, 1);
  assert.equal(media.hits.length, 0);
});

/* ---- memory ---- */

const ALLOWED = 10 * MIB; // besides the body
const VIDEO = Buffer.alloc(100 * MIB, 'QUJD');
const AROUND = {
  'in a chat': [
    '/v1/chat/completions',
    '{"model":"gemini-2.5-flash","messages":[{"role":"user","content":[{"type":"text","text":"hi"},' +
      '{"type":"video_url","video_url":{"url":"data:video/mp4;base64,',
    '"}}]}]}',
  ],
  natively: [
    '/v1beta/models/gemini-2.5-flash:generateContent',
    '{"contents":[{"parts":[{"inlineData":{"mimeType":"video/mp4","data":"',
    '"}}]}]}',
  ],
};

for (const [how, [path, before, behind]] of Object.entries(AROUND)) {
  flow(`a video of 100 MB costs its size and little more, ${how}`, async (t) => {
    const gemini = await t.gemini();
    const pollux = await t.pollux({ 'server.workers': 1 });
    const body = Buffer.concat([Buffer.from(before), VIDEO, Buffer.from(behind)]);
    await pollux.chat('hi');
    await pollux.native('generateContent', { contents: [] });
    const worker = pollux.worker(0);
    const had = peakBytes(worker);

    const live = await pollux.request('POST', path, { body });

    assert.equal(live.status, 200, live.text);
    const sent = gemini.last.body;
    const at = sent.indexOf(VIDEO.subarray(0, 4096));
    assert.ok(at > 0 && sent.subarray(at, at + VIDEO.length).equals(VIDEO), 'it came up whole');
    if (how === 'natively') assert.ok(sent.equals(body));
    else
      assert.equal(
        JSON.parse(sent.subarray(0, at) + sent.subarray(at + VIDEO.length)).contents[0].parts[1]
          .inlineData.mimeType,
        'video/mp4',
      );
    const grown = peakBytes(worker) - had;
    if (MEMORY_TELLS)
      assert.ok(
        grown < body.length + ALLOWED,
        `it grew by ${(grown / MIB).toFixed(1)} MiB for ${(body.length / MIB).toFixed(1)}`,
      );
  });
}
