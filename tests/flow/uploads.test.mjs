// Bytes of any number, on their way to Google and back: they pass as they come, at the pace of the
// slower side, and nothing of them stays.  Gemini API reference, files.
//
// Lessons #36, #57 and #67.

import { assert, deferred, fault, flow, until } from './harness.mjs';
import { Far } from './lib/far.mjs';
import { MEMORY_TELLS, MIB, peakBytes } from './lib/memory.mjs';
import { happens } from './lib/wait.mjs';

/* ---- uploads ---- */

/** Google's resumable uploads, one after the other; nothing is kept of them but their sizes. */
function takesUploads(t, { slow } = {}) {
  const uploads = new Map();
  return Far.start(async (visit) => {
    const url = new URL(visit.target, 'http://google');
    const command = visit.headers['x-goog-upload-command'];
    const id = url.searchParams.get('upload_id');
    if (command === 'start') {
      await visit.whole();
      const made = `u-${uploads.size + 1}`;
      uploads.set(made, { received: 0, secret: visit.secret, begin: visit });
      return visit.answer(200, '', {
        'X-Goog-Upload-URL': `${t.upstream.url}/upload/v1beta/files?upload_id=${made}&upload_protocol=resumable`,
        'X-Goog-Upload-Control-URL': `${t.upstream.url}/upload/v1beta/files?upload_id=${made}`,
        'X-Goog-Upload-Status': 'active',
        'X-Goog-Upload-Chunk-Granularity': '8388608',
      });
    }
    const upload = uploads.get(id);
    if (!upload || upload.secret !== visit.secret) return visit.answer(403, fault(403));
    if (command === 'query')
      return visit.answer(200, '', {
        'X-Goog-Upload-Status': 'active',
        'X-Goog-Upload-Size-Received': upload.received,
      });
    if (command === 'cancel') {
      uploads.delete(id);
      return visit.answer(200, '', { 'X-Goog-Upload-Status': 'cancelled' });
    }
    slow?.(visit);
    await visit.whole();
    upload.received += visit.bytes;
    const isLast = command.includes('finalize');
    return visit.answer(
      200,
      isLast ? { file: { name: 'files/f-1', sizeBytes: `${upload.received}`, odd: 1 } } : '',
      { 'X-Goog-Upload-Status': isLast ? 'final' : 'active' },
    );
  });
}

const start = (bytes) => ({
  'X-Goog-Upload-Protocol': 'resumable',
  'X-Goog-Upload-Command': 'start',
  'X-Goog-Upload-Header-Content-Length': bytes,
  'X-Goog-Upload-Header-Content-Type': 'video/mp4',
  'X-Goog-Upload-File-Name': 'cat.mp4',
});

async function beginUpload(pollux, bytes) {
  const live = await pollux.request('POST', '/upload/v1beta/files', {
    headers: start(bytes),
    body: '{"file":{"displayName":"cat"}}',
  });
  assert.equal(live.status, 200, live.text);
  const url = new URL(live.headers['x-goog-upload-url']);
  assert.equal(url.host, `127.0.0.1:${pollux.port}`, 'it leads through this house');
  return { live, target: url.pathname + url.search };
}

/** The rest of it goes to that address; the SDKs send the key with it. */
const send = (pollux, target, command, offset, body) =>
  pollux.request('POST', target, {
    headers: {
      'X-Goog-Upload-Command': command,
      'X-Goog-Upload-Offset': offset,
      'Content-Type': 'application/octet-stream',
    },
    ...(body ? { body } : {}),
  });

flow('an upload in pieces stays with the credential that began it', async (t) => {
  t.upstream = t.keep(await takesUploads(t));
  const pollux = await t.pollux({
    keys: ['k1', 'k2', 'k3'],
    'pool.pick': 'round-robin',
    'pool.affinity': 'no', // or all would begin with the same one: see remote.test.mjs
    'server.workers': 1,
  });
  const piece = Buffer.alloc(3 * MIB, 'abc');

  for (let i = 0; i < 3; i++) {
    const { live, target } = await beginUpload(pollux, 2 * piece.length + 5);
    assert.equal(live.headers['x-goog-upload-status'], 'active');
    assert.equal(live.headers['x-goog-upload-chunk-granularity'], '8388608');
    const begun = t.upstream.last;
    assert.equal(begun.target, '/upload/v1beta/files');
    assert.equal(begun.body.toString(), '{"file":{"displayName":"cat"}}');
    for (const [name, value] of Object.entries(start(2 * piece.length + 5)))
      assert.equal(begun.headers[name.toLowerCase()], `${value}`, name);

    for (const [offset, command, body] of [
      [0, 'upload', piece],
      [piece.length, 'upload', piece],
    ]) {
      const taken = await send(pollux, target, command, offset, body);
      assert.equal(taken.status, 200, taken.text);
      assert.equal(taken.headers['x-goog-upload-status'], 'active');
      assert.equal(t.upstream.last.bytes, body.length);
      assert.match(
        t.upstream.last.target,
        /^\/upload\/v1beta\/files\?upload_id=u-\d&upload_protocol=resumable$/,
      );
    }
    const asked = await send(pollux, target, 'query', 0);
    assert.equal(asked.headers['x-goog-upload-size-received'], `${2 * piece.length}`);
    const last = await send(pollux, target, 'upload, finalize', 2 * piece.length, 'tail.');
    assert.equal(last.headers['x-goog-upload-status'], 'final');
    assert.deepEqual(last.json, {
      file: { name: 'files/f-1', sizeBytes: `${2 * piece.length + 5}`, odd: 1 },
    });
  }
  const beginnings = t.upstream.visits.filter(
    (v) => v.headers['x-goog-upload-command'] === 'start',
  );
  assert.equal(new Set(beginnings.map((v) => v.secret)).size, 3, 'others begin with others');
  for (const visit of t.upstream.visits)
    assert.ok(!`${visit.target}${visit.head}`.includes(pollux.clientKey));
});

flow('an upload is cancelled, and one that is none is refused as Google does', async (t) => {
  t.upstream = t.keep(await takesUploads(t));
  const pollux = await t.pollux();

  const { target } = await beginUpload(pollux, 10);
  const over = await send(pollux, target, 'cancel', 0);
  assert.equal(over.status, 200);
  assert.equal(over.headers['x-goog-upload-status'], 'cancelled');
  assert.equal((await send(pollux, target, 'query', 0)).status, 403);
  const nobody = await pollux.request('POST', target, { key: 'nobody', body: 'x' });
  assert.equal(nobody.status, 401, 'the address alone opens nothing');
});

flow('an upload in one, multipart', async (t) => {
  t.upstream = t.keep(
    await Far.start(async (visit) => {
      await visit.whole();
      visit.answer(200, { file: { name: 'files/f-2' } });
    }),
  );
  const pollux = await t.pollux();
  const body =
    '--x\r\nContent-Type: application/json\r\n\r\n{"file":{}}\r\n' +
    '--x\r\nContent-Type: image/png\r\n\r\n\0\x01\xff\r\n--x--\r\n';

  const live = await pollux.request('POST', '/upload/v1beta/files?uploadType=multipart', {
    headers: {
      'Content-Type': 'multipart/related; boundary=x',
      'X-Goog-Upload-Protocol': 'multipart',
    },
    body: Buffer.from(body, 'latin1'),
  });
  assert.deepEqual(live.json, { file: { name: 'files/f-2' } });
  assert.equal(t.upstream.last.target, '/upload/v1beta/files?uploadType=multipart');
  assert.equal(t.upstream.last.headers['content-type'], 'multipart/related; boundary=x');
  assert.equal(t.upstream.last.body.toString('latin1'), body);
});

/** Writes bytes to a bare connection, no faster than they are taken. */
async function pour(raw, bytes, piece) {
  let sent = 0;
  while (sent < bytes && !raw.isClosed) {
    const part = piece.subarray(0, Math.min(piece.length, bytes - sent));
    sent += part.length;
    pour.sent = sent;
    if (!raw.socket.write(part)) await happens(raw.socket, 'drain', 'close');
  }
  return sent;
}

/** The head of an upload that is one piece. */
function uploadHead(pollux, target, length) {
  return (
    `POST ${target} HTTP/1.1\r\nHost: 127.0.0.1:${pollux.port}\r\n` +
    `x-goog-api-key: ${pollux.clientKey}\r\nX-Goog-Upload-Command: upload, finalize\r\n` +
    `X-Goog-Upload-Offset: 0\r\nContent-Length: ${length}\r\n\r\n`
  );
}

flow('300 MB go up as they come, and none of it stays', async (t) => {
  t.upstream = t.keep(await takesUploads(t));
  const pollux = await t.pollux({ 'server.workers': 1 });
  const bytes = 300 * MIB;
  await beginUpload(pollux, 1);
  const { target } = await beginUpload(pollux, bytes);
  const worker = pollux.worker(0);
  const had = peakBytes(worker);

  const raw = await pollux.dial();
  await raw.send(uploadHead(pollux, target, bytes));
  await pour(raw, bytes, Buffer.alloc(MIB, 'upload'));
  await raw.until(/"sizeBytes":"314572800"/);
  raw.leave();

  assert.equal(t.upstream.last.headers['content-length'], `${bytes}`);
  const grown = peakBytes(worker) - had;
  if (MEMORY_TELLS) assert.ok(grown < 10 * MIB, `it grew by ${(grown / MIB).toFixed(1)} MiB`);
});

flow('an upload that Google takes slowly is sent slowly, and others are served', async (t) => {
  const go = deferred();
  t.upstream = t.keep(
    await takesUploads(t, {
      slow: (visit) => {
        visit.request.pause();
        go.promise.then(() => visit.request.resume());
      },
    }),
  );
  const pollux = await t.pollux({ 'server.workers': 1 });
  const bytes = 100 * MIB;
  const { target } = await beginUpload(pollux, bytes);
  const had = peakBytes(pollux.worker(0));

  const raw = await pollux.dial();
  await raw.send(uploadHead(pollux, target, bytes));
  pour.sent = 0;
  const poured = pour(raw, bytes, Buffer.alloc(256 << 10, 'upload'));

  /* It stands still when nothing moves while others are served. */
  let before = -1;
  await until(async () => {
    const still = pour.sent > 0 && pour.sent === before;
    before = pour.sent;
    for (let i = 0; i < 5; i++) assert.equal((await send(pollux, target, 'query', 0)).status, 200);
    return still;
  }, 'the client to be slowed down');
  assert.ok(before < bytes / 2, `${before} bytes were taken that nobody reads`);
  const grown = peakBytes(pollux.worker(0)) - had;
  if (MEMORY_TELLS) assert.ok(grown < 10 * MIB, `it grew by ${(grown / MIB).toFixed(1)} MiB`);

  go.resolve();
  assert.equal(await poured, bytes);
  await raw.until(new RegExp(`"sizeBytes":"${bytes}"`));
  raw.leave();
});

flow('a client that leaves in the middle of its upload ends it upstream', async (t) => {
  t.upstream = t.keep(await takesUploads(t));
  const pollux = await t.pollux();
  const { target } = await beginUpload(pollux, 50 * MIB);
  const asked = t.upstream.visits.length;

  const raw = await pollux.dial();
  await raw.send(uploadHead(pollux, target, 50 * MIB));
  await raw.send(Buffer.alloc(5 * MIB));
  const visit = await t.upstream.visit(asked + 1);
  await until(() => visit.bytes >= 4 * MIB, 'some of it');
  raw.leave();
  await until(() => visit.wasCutOff, 'the upload to be given up');
  assert.equal(t.upstream.visits.length, asked + 1);
  assert.equal((await send(pollux, target, 'query', 0)).status, 200);
});

flow('an upload is answered before its end, or not at all', async (t) => {
  let deed;
  t.upstream = t.keep(await Far.start((visit) => deed(visit)));
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });
  const body = Buffer.alloc(4 * MIB);

  deed = (visit) => visit.answer(413, fault(413, { message: 'too large for me', status: 'X' }));
  const refused = await pollux.request('POST', '/upload/v1beta/files?upload_id=x', { body });
  assert.equal(refused.status, 413, refused.text);
  assert.equal(refused.json.error.message, 'too large for me');

  deed = (visit) => visit.request.socket.destroy();
  const before = t.upstream.visits.length;
  const lost = await pollux.request('POST', '/upload/v1beta/files?upload_id=x', { body });
  assert.ok(lost.status >= 500, `${lost.status}`);
  assert.equal(lost.json.error.code, lost.status);
  assert.equal(t.upstream.visits.length, before + 1, 'half of it may be there');
});

/* ---- downloads ---- */

const FILE = Buffer.alloc(50 * MIB);
for (let i = 0; i < FILE.length; i += 4) FILE.writeUInt32LE(i, i);

/** Gives the file in one way or another. */
function givesFiles(how) {
  return async (visit) => {
    const all = { 'Content-Type': 'video/mp4', ETag: '"abc"', 'Content-Disposition': 'attachment' };
    const range = /^bytes=(\d+)-(\d+)$/.exec(visit.headers.range ?? '');
    if (range) {
      const [from, to] = [Number(range[1]), Number(range[2])];
      return visit.answer(206, FILE.subarray(from, to + 1), {
        ...all,
        'Content-Range': `bytes ${from}-${to}/${FILE.length}`,
        'Accept-Ranges': 'bytes',
      });
    }
    visit.response.writeHead(
      200,
      how === 'of known length' ? { ...all, 'Content-Length': FILE.length } : all,
    );
    visit.given = 0;
    for (let at = 0; at < FILE.length; at += 65536) {
      if (!(await visit.write(FILE.subarray(at, at + 65536)))) return null;
      visit.given = at + 65536;
    }
    return visit.response.end();
  };
}

const DOWNLOAD = '/v1beta/files/f-1:download?alt=media';

for (const how of ['of known length', 'of unknown length']) {
  flow(`a download of 50 MB ${how}`, async (t) => {
    t.upstream = t.keep(await Far.start(givesFiles(how)));
    const pollux = await t.pollux({ 'server.workers': 1 });
    const worker = pollux.worker(0);
    await pollux.request('GET', DOWNLOAD, { headers: { Range: 'bytes=0-9' } });
    const had = peakBytes(worker);

    const live = await pollux.get(DOWNLOAD);

    assert.equal(live.status, 200);
    assert.ok(!live.wasCutOff);
    assert.ok(live.body.equals(FILE));
    assert.equal(live.headers['content-type'], 'video/mp4');
    assert.equal(live.headers.etag, '"abc"');
    assert.equal(live.headers['content-disposition'], 'attachment');
    assert.equal(
      live.headers['content-length'],
      how === 'of known length' ? `${FILE.length}` : undefined,
    );
    assert.equal(t.upstream.last.target, DOWNLOAD);
    const grown = peakBytes(worker) - had;
    if (MEMORY_TELLS) assert.ok(grown < 10 * MIB, `it grew by ${(grown / MIB).toFixed(1)} MiB`);
  });
}

flow('a part of a file', async (t) => {
  t.upstream = t.keep(await Far.start(givesFiles('of known length')));
  const pollux = await t.pollux();

  const live = await pollux.get(DOWNLOAD, { headers: { Range: 'bytes=4000000-8999999' } });
  assert.equal(live.status, 206);
  assert.equal(live.headers['content-range'], `bytes 4000000-8999999/${FILE.length}`);
  assert.equal(live.headers['content-length'], '5000000');
  assert.ok(live.body.equals(FILE.subarray(4000000, 9000000)));
});

flow('a client that reads slowly slows a download down', async (t) => {
  t.upstream = t.keep(await Far.start(givesFiles('of known length')));
  const pollux = await t.pollux({ 'server.workers': 1 });
  const had = peakBytes(pollux.worker(0));

  const live = await pollux.open('GET', DOWNLOAD, { reads: false });
  const visit = await t.upstream.visit(1);
  let before = -1;
  await until(async () => {
    const still = visit.given > 0 && visit.given === before;
    before = visit.given;
    for (let i = 0; i < 5; i++)
      assert.equal((await pollux.get(DOWNLOAD, { headers: { Range: 'bytes=0-9' } })).status, 206);
    return still;
  }, 'Google to be slowed down');
  assert.ok(before < FILE.length / 2, `${before} bytes were taken that nobody reads`);
  const grown = peakBytes(pollux.worker(0)) - had;
  if (MEMORY_TELLS) assert.ok(grown < 10 * MIB, `it grew by ${(grown / MIB).toFixed(1)} MiB`);

  live.readOn();
  await live.end();
  assert.ok(live.body.equals(FILE));
});

flow('a download that breaks off is seen to break off', async (t) => {
  let how;
  t.upstream = t.keep(
    await Far.start(async (visit) => {
      visit.response.writeHead(200, { 'Content-Type': 'video/mp4', ...how });
      await visit.write(FILE.subarray(0, 2 * MIB));
      visit.response.destroy();
    }),
  );
  const pollux = await t.pollux();

  for (how of [{ 'Content-Length': FILE.length }, {}]) {
    const live = await pollux.get(DOWNLOAD);
    assert.equal(live.status, 200);
    assert.ok(live.wasCutOff, 'nobody takes it for the whole file');
    assert.ok(live.bytes <= 2 * MIB);
  }
});

flow('a client that leaves a download ends it upstream', async (t) => {
  t.upstream = t.keep(await Far.start(givesFiles('of unknown length')));
  const pollux = await t.pollux();

  const live = await pollux.open('GET', DOWNLOAD, { reads: false });
  live.leave();
  const visit = await t.upstream.visit(1);
  await until(() => visit.wasCutOff, 'the download to be given up');
});
