// Plain clients: whole answers, answers as they come in, and bare sockets.

import http from 'node:http';
import net from 'node:net';
import { inTime, until } from './wait.mjs';

/** An answer as it comes in. */
export class Live {
  #chunks = [];
  #bytes = 0;
  error = null;
  isOver = false;

  constructor(request, response) {
    this.request = request;
    this.status = response.statusCode;
    this.headers = response.headers;
    this.response = response;
    response.on('data', (bytes) => {
      this.#chunks.push(bytes);
      this.#bytes += bytes.length;
    });
    response.on('error', (error) => {
      this.error ??= error;
      this.isOver = true;
    });
    response.on('end', () => {
      this.isOver = true;
    });
    response.on('close', () => {
      this.isOver = true;
    });
  }

  get bytes() {
    return this.#bytes;
  }

  get body() {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  get text() {
    return this.body.toString();
  }
  get json() {
    return JSON.parse(this.text);
  }
  get wasCutOff() {
    return this.error !== null;
  }

  /** Until this text has come. */
  async until(text) {
    await until(
      () => this.text.includes(text) || this.isOver,
      () => `"${text}" in: ${this.text.slice(-2000)}`,
    );
    if (!this.text.includes(text))
      throw new Error(`the answer ended without "${text}": ${this.text.slice(-2000)}`);
  }

  /** Until its end, whatever end that is. */
  async end() {
    await until(
      () => this.isOver,
      () => `the end of the answer; so far: ${this.text.slice(-2000)}`,
    );
    return this;
  }

  stopReading() {
    this.response.pause();
  }
  readOn() {
    this.response.resume();
  }
  leave() {
    this.request.destroy();
  }
}

/** Sends a request and gives a Live as soon as the head is there. */
export function ask(
  port,
  method,
  path,
  { headers = {}, body, agent = false, host = '127.0.0.1', reads = true, sent } = {},
) {
  const bytes =
    body === undefined
      ? null
      : Buffer.isBuffer(body) || typeof body === 'string'
        ? body
        : JSON.stringify(body);
  const all = { ...headers };
  if (bytes !== null && !Object.keys(all).some((h) => h.toLowerCase() === 'content-type'))
    all['content-type'] = 'application/json';
  if (bytes !== null) all['content-length'] = Buffer.byteLength(bytes);
  const answer = new Promise((resolve, reject) => {
    const request = http.request({ host, port, method, path, headers: all, agent });
    sent?.(request);
    request.on('response', (response) => {
      const live = new Live(request, response);
      if (!reads) live.stopReading();
      resolve(live);
    });
    request.on('error', reject);
    request.end(bytes ?? undefined);
  });
  return inTime(answer, `an answer to ${method} ${path}`);
}

/** A bare connection, for what no HTTP library would send. */
export class Raw {
  text = '';
  isClosed = false;
  error = null;

  static async dial(port) {
    const raw = new Raw();
    raw.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    raw.socket.setNoDelay(true);
    raw.socket.on('data', (bytes) => {
      raw.text += bytes.toString('latin1');
    });
    raw.socket.on('end', () => {
      raw.isClosed = true;
      raw.socket.end();
    });
    raw.socket.on('close', () => {
      raw.isClosed = true;
    });
    raw.socket.on('error', (error) => {
      raw.error = error;
      raw.isClosed = true;
    });
    await inTime(
      new Promise((resolve, reject) => raw.socket.once('connect', resolve).once('error', reject)),
      'a connection',
    );
    return raw;
  }

  /** Resolves when the kernel has the bytes, or nobody takes them. */
  send(bytes) {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
  }

  async until(pattern) {
    await until(
      () => pattern.test(this.text) || this.isClosed,
      () => `${pattern} in: ${this.text.slice(-2000)}`,
    );
    if (!pattern.test(this.text))
      throw new Error(`closed without ${pattern}: ${this.text.slice(-2000)}`);
    return pattern.exec(this.text);
  }

  async closed() {
    await until(
      () => this.isClosed,
      () => `the connection to be closed; so far: ${this.text.slice(-2000)}`,
    );
  }

  get status() {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.text)?.[1]);
  }
  leave() {
    this.socket.destroy();
  }
}
