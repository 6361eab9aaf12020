// A Google that takes and gives bytes of any number, as they come: for uploads and downloads.
// Nothing of a body is kept but its size and its hash, unless the story asks for it.

import crypto from 'node:crypto';
import http from 'node:http';
import { happens, until } from './wait.mjs';

/** A request and what has come of its body. */
class Visit {
  bytes = 0;
  isOver = false; // the body is whole
  wasCutOff = false;
  #hash = crypto.createHash('sha256');

  constructor(request, response) {
    this.method = request.method;
    this.target = request.url;
    this.headers = request.headers;
    this.head = request.rawHeaders.join('\n');
    this.secret = request.headers['x-goog-api-key'];
    this.request = request;
    this.response = response;
    this.body = Buffer.alloc(0); // its beginning
    request.on('data', (piece) => {
      this.bytes += piece.length;
      this.#hash.update(piece);
      if (this.body.length < 1 << 20) this.body = Buffer.concat([this.body, piece]);
    });
    request.on('end', () => {
      this.isOver = true;
    });
    response.on('close', () => {
      this.wasCutOff = !response.writableFinished;
    });
  }

  hash() {
    return this.#hash.digest('hex');
  }

  whole() {
    return until(
      () => this.isOver || this.wasCutOff,
      () => `the whole body; it has ${this.bytes} bytes`,
    );
  }

  /** Answers; an object goes out as JSON. */
  answer(status = 200, body = '', headers = {}) {
    const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    this.response.writeHead(status, {
      'Content-Type': 'application/json; charset=UTF-8',
      'Content-Length': Buffer.byteLength(bytes),
      ...headers,
    });
    this.response.end(bytes);
  }

  /** Resolves when there is room again; to false when nobody takes it. */
  async write(bytes) {
    if (this.response.destroyed) return false;
    if (this.response.write(bytes)) return true;
    return (await happens(this.response, 'drain', 'close')) === 'drain';
  }
}

export class Far {
  visits = [];
  #conns = new Set();

  /** deed: what becomes of a request; it is called when the head is there. */
  static async start(deed) {
    const f = new Far();
    f.deed = deed;
    f.server = http.createServer({ requestTimeout: 0 }, (request, response) => {
      const visit = new Visit(request, response);
      f.visits.push(visit);
      request.on('error', () => {});
      response.on('error', () => {});
      Promise.resolve(f.deed(visit)).catch((error) => {
        f.failure ??= error;
        response.destroy();
      });
    });
    f.server.on('connection', (conn) => {
      f.#conns.add(conn);
      conn.on('error', () => {});
      conn.on('close', () => f.#conns.delete(conn));
    });
    await new Promise((resolve) => f.server.listen(0, '127.0.0.1', resolve));
    f.port = f.server.address().port;
    f.url = `http://127.0.0.1:${f.port}`;
    return f;
  }

  get last() {
    return this.visits[this.visits.length - 1];
  }

  /** The n-th request, once its head has come. */
  async visit(n) {
    await until(() => this.visits.length >= n, `request ${n} of Google's`);
    return this.visits[n - 1];
  }

  async close() {
    for (const conn of this.#conns) conn.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
