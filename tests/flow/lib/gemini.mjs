// A scripted Gemini on raw sockets, so that it can answer, stream, hang, reset, cut off and write
// what no HTTP library would.  It counts what it was asked and sees clients leave.

import net from 'node:net';
import tls from 'node:tls';
import { deferred, inTime, until } from './wait.mjs';
import { event, fault, piece, pieces, USAGE } from './wire.mjs';

/** A request as it came, and the way to answer it. */
class Asked {
  constructor(conn, line, head, body) {
    const [method, target] = line.split(' ');
    const url = new URL(target, 'http://gemini');
    this.conn = conn;
    this.method = method;
    this.target = target; // raw
    this.path = url.pathname;
    this.query = url.searchParams;
    this.head = head; // raw
    this.headers = Object.fromEntries(
      head
        .split('\r\n')
        .slice(1)
        .map((h) => {
          const at = h.indexOf(':');
          return [h.slice(0, at).toLowerCase(), h.slice(at + 1).trim()];
        }),
    );
    this.body = body;
    this.secret = this.headers['x-goog-api-key'];
    this.isAnswered = false;
    this.isAborted = false; // the other side closed before it had all of the answer
    this.abort = deferred();
    this.written = 0; // bytes that the kernel took
  }

  get json() {
    return JSON.parse(this.body.toString());
  }
  get streams() {
    return this.path.endsWith(':streamGenerateContent');
  }
  get wantsEvents() {
    return this.query.get('alt') === 'sse';
  }

  /** Resolves when the other side has closed before the answer's end. */
  aborted() {
    return inTime(this.abort.promise, 'the upstream call to be given up');
  }

  /** Resolves once the kernel took the bytes; to false when there is nobody to take them. */
  write(bytes) {
    if (this.isAborted || this.conn.destroyed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const lost = () => resolve(false);
      this.conn.once('close', lost);
      this.conn.write(bytes, (error) => {
        this.conn.off('close', lost);
        if (!error) this.written += Buffer.byteLength(bytes);
        resolve(!error);
      });
    });
  }

  /** The head of an answer; its body follows in chunks unless the headers say otherwise. */
  begin(status = 200, headers = {}) {
    const all = {
      'Content-Type': this.wantsEvents ? 'text/event-stream' : 'application/json; charset=UTF-8',
      Server: 'scaffolding on HTTPServer2',
      ...headers,
    };
    if (!('Content-Length' in all) && !('Connection' in all)) all['Transfer-Encoding'] = 'chunked';
    this.chunked = 'Transfer-Encoding' in all;
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return this.write(`HTTP/1.1 ${status} Whatever\r\n${lines.join('')}\r\n`);
  }

  chunk(bytes) {
    const body = Buffer.from(bytes);
    if (!this.chunked) return this.write(body);
    return this.write(
      Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]),
    );
  }

  event(value) {
    return this.chunk(event(value));
  }

  async end() {
    this.isAnswered = true;
    if (this.chunked) await this.write('0\r\n\r\n');
    else if (this.untilClosed) this.conn.end();
    this.over?.();
  }

  async whole(status, body, headers = {}) {
    const bytes = Buffer.isBuffer(body)
      ? body
      : Buffer.from(typeof body === 'string' ? body : `${JSON.stringify(body, null, 2)}\n`);
    await this.begin(status, { 'Content-Length': bytes.length, ...headers });
    await this.write(bytes);
    await this.end();
  }

  /** In the framing that was asked for. */
  async stream(...chunks) {
    await this.begin();
    if (this.wantsEvents) {
      for (const c of chunks) await this.event(c);
    } else {
      await this.chunk('[');
      for (let i = 0; i < chunks.length; i++)
        await this.chunk(`${i ? ',\r\n' : ''}${JSON.stringify(chunks[i], null, 2)}`);
      await this.chunk('\n]');
    }
    await this.end();
  }

  /** Leaves in the middle: with a FIN. */
  cut() {
    this.isAnswered = true;
    this.conn.end();
  }

  /** Leaves in the middle: with a reset. */
  reset() {
    this.isAnswered = true;
    this.conn.resetAndDestroy();
  }
}

const embedding = { embedding: { values: [0.25, -0.5, 1] } };
const MODELS = ['gemini-2.5-flash', 'gemini-2.5-pro', 'gemini-2.5-flash-lite'].map((name) => ({
  name: `models/${name}`,
  displayName: name,
  inputTokenLimit: 1048576,
  outputTokenLimit: 65536,
  supportedGenerationMethods: ['generateContent', 'countTokens'],
}));

/** What it says to someone whom no story mentions. */
export async function politely(asked) {
  const [, name, verb] = /^\/v1beta\/models(?:\/([^:]+))?(?::(\w+))?$/.exec(asked.path) ?? [];
  const known = MODELS.find((m) => m.name === `models/${name}`);
  if (asked.method === 'GET' && !name) return asked.whole(200, { models: MODELS });
  if (!known)
    return asked.whole(
      404,
      fault(404, {
        message: `models/${name} is not found for API version v1beta, or is not supported.`,
      }),
    );
  if (asked.method === 'GET') return asked.whole(200, known);
  if (verb === 'generateContent')
    return asked.whole(200, piece('Hello', { finish: 'STOP', usage: USAGE }));
  if (verb === 'streamGenerateContent') return asked.stream(...pieces('Hel', 'lo'));
  if (verb === 'countTokens') return asked.whole(200, { totalTokens: 7 });
  if (verb === 'embedContent') return asked.whole(200, embedding);
  if (verb === 'batchEmbedContents')
    return asked.whole(200, { embeddings: asked.json.requests.map(() => embedding.embedding) });
  return asked.whole(404, fault(404, { message: 'not found' }));
}

/** What becomes of the requests that come with one key, one deed each; the last holds on. */
class Script {
  #deeds = [];

  does(deed) {
    this.#deeds.push(deed);
    return this;
  }

  take() {
    return this.#deeds.length > 1 ? this.#deeds.shift() : this.#deeds[0];
  }

  /** body: Google's error unless given; an object goes out as JSON, text and bytes as they are. */
  answers(status, how = {}) {
    const { body, headers, ...words } = how;
    return this.does((asked) => {
      const said =
        body ??
        (status < 400 ? piece('Hello', { finish: 'STOP', usage: USAGE }) : fault(status, words));
      return asked.whole(status, said, headers);
    });
  }

  /** Whole or in a stream, as it was asked. */
  says(text) {
    return this.gives(...pieces(text));
  }
  gives(chunk) {
    return this.does((asked) => (asked.streams ? asked.stream(chunk) : asked.whole(200, chunk)));
  }

  streams(...texts) {
    return this.does((asked) => asked.stream(...pieces(...texts)));
  }
  sends(...chunks) {
    return this.does((asked) => asked.stream(...chunks));
  }
  behaves() {
    return this.does(politely);
  }
  hangs() {
    return this.does(() => {});
  }
  resets() {
    return this.does((asked) => asked.reset());
  }
  closes() {
    return this.does((asked) => asked.cut());
  }

  /** These very bytes as an answer of status 200, each piece in a write of its own. */
  writes(bytes, { splitAt = [], headers = {} } = {}) {
    return this.does(async (asked) => {
      const all = Buffer.from(bytes);
      await asked.begin(200, headers);
      let from = 0;
      for (const at of [...splitAt, all.length]) {
        if (at > from) await asked.chunk(all.subarray(from, at));
        from = at;
      }
      await asked.end();
    });
  }
}

export class Gemini {
  #server;
  #conns = new Set();
  #scripts = new Map();
  #anyone = new Script().behaves();
  #secretOf;
  requests = [];
  connections = 0;

  static async start(secretOf, options = {}) {
    const g = new Gemini();
    g.#secretOf = secretOf;
    g.#server = options.tls ? tls.createServer(options.tls) : net.createServer();
    g.#server.on(options.tls ? 'secureConnection' : 'connection', (conn) => g.#serve(conn));
    g.#server.on('tlsClientError', () => {});
    await g.listen();
    g.url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${g.port}`;
    return g;
  }

  async listen() {
    await new Promise((resolve, reject) =>
      this.#server.once('error', reject).listen(this.port ?? 0, '127.0.0.1', resolve),
    );
    this.port = this.#server.address().port;
  }

  /** Out of reach, until it listens again. */
  async disappear() {
    for (const conn of this.#conns) conn.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async close() {
    for (const conn of this.#conns) conn.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  for(key) {
    const secret = this.#secretOf(key);
    if (!this.#scripts.has(secret)) this.#scripts.set(secret, new Script());
    return this.#scripts.get(secret);
  }

  /** Forgets what was scripted for that key, and gives its new script. */
  replace(key) {
    this.#scripts.delete(this.#secretOf(key));
    return this.for(key);
  }

  /** A new script for all keys that have none of their own. */
  get anyone() {
    this.#anyone = new Script();
    return this.#anyone;
  }

  get asked() {
    return this.requests.length;
  }
  askedWith(key) {
    return this.requests.filter((r) => r.secret === this.#secretOf(key)).length;
  }
  /** The names of those that asked, one after the other; undefined for a key that is not listed. */
  askers(keys, requests = this.requests) {
    return requests.map((r) => keys.find((k) => this.#secretOf(k) === r.secret));
  }
  get last() {
    return this.requests[this.requests.length - 1];
  }
  get underWay() {
    return this.requests.filter((r) => !r.isAnswered && !r.isAborted).length;
  }

  /** The n-th request, once it has come. */
  async request(n) {
    await until(() => this.requests.length >= n, `request ${n} of upstream's`);
    return this.requests[n - 1];
  }

  #serve(conn) {
    let input = Buffer.alloc(0);
    let coming = []; // more of a large body, put together when it is whole
    let missing = 0; // bytes of it
    let current = null;
    this.connections++;
    this.#conns.add(conn);
    conn.setNoDelay(true);
    const gone = () => {
      if (!current || current.isAnswered || current.isAborted) return;
      current.isAborted = true;
      current.abort.resolve();
    };
    const next = () => {
      input = Buffer.concat([input, ...coming]);
      coming = [];
      const found = current ? null : readRequest(input);
      if (!found) {
        missing = bytesMissing(input);
        return;
      }
      input = input.subarray(found.bytes);
      current = new Asked(conn, found.line, found.head, found.body);
      current.over = () => {
        current = null;
        next();
      };
      this.requests.push(current);
      const script = this.#scripts.get(current.secret) ?? this.#anyone;
      Promise.resolve((script.take() ?? politely)(current)).catch((error) => {
        this.failure ??= error;
        conn.destroy();
      });
    };
    conn.on('data', (bytes) => {
      coming.push(bytes);
      missing -= bytes.length;
      if (missing <= 0) next();
    });
    conn.on('error', gone);
    conn.on('end', gone);
    conn.on('close', () => {
      this.#conns.delete(conn);
      gone();
    });
  }
}

/** How much of the request's body has not come yet; 0 when even that is not known. */
function bytesMissing(input) {
  const end = input.indexOf('\r\n\r\n');
  if (end < 0) return 0;
  const head = input.toString('latin1', 0, end);
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  return Math.max(0, end + 4 + length - input.length);
}

/** A whole request at the beginning of the bytes, or null. */
export function readRequest(input) {
  const end = input.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const head = input.toString('latin1', 0, end);
  if (/^transfer-encoding:/im.test(head))
    throw new Error('a request in chunks, which nobody sends upstream');
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  if (input.length < end + 4 + length) return null;
  return {
    line: head.split('\r\n')[0],
    head,
    body: Buffer.from(input.subarray(end + 4, end + 4 + length)),
    bytes: end + 4 + length,
  };
}
