// An upstream that counts, clients that never have enough, and the verdict over both.

import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { inTime } from '../../flow/lib/wait.mjs';
import { note } from './figures.mjs';

const MINUTE_MS = 60_000;
const AGAIN_MS = 50;

export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

/** A Gemini in a thread of its own, which becomes the story's upstream: {url, port, records}. */
export class Quota {
  records = []; // {secret, verb, tokens, at, since} in the order in which they came; see quota_thread.mjs
  #thread;

  /** seen: told of each record. */
  static async start(stage, { seen } = {}) {
    const q = stage.keep(new Quota());
    q.#thread = new Worker(new URL('quota_thread.mjs', import.meta.url));
    const listens = new Promise((resolve) => {
      q.#thread.on('message', ({ port, record }) => {
        if (port) resolve(port);
        if (record) q.records.push(record);
        if (record) seen?.(record);
      });
    });
    q.#thread.on('error', (error) => { q.failure ??= error; });
    q.port = await inTime(listens, 'the upstream that counts');
    q.url = `http://127.0.0.1:${q.port}`;
    stage.upstream = q;
    return q;
  }

  /** How long answers take. */
  delay(least, most) {
    this.#thread.postMessage({ delay: { least, most } });
  }

  /** The next requests with that secret are told that the quota is spent. */
  refuse(secret, times, words) {
    this.#thread.postMessage({ refuse: { secret, times, words } });
  }

  /** Those that count against limits, by secret. */
  metered() {
    const by = new Map();
    for (const r of this.records) {
      if (r.verb !== 'generateContent') continue;
      if (!by.has(r.secret)) by.set(r.secret, []);
      by.get(r.secret).push(r);
    }
    return by;
  }

  async close() {
    await this.#thread.terminate();
  }
}

/** Clients that ask, and when refused ask again. */
export class Askers {
  statuses = {};
  codes = {}; // of errors
  broken = 0;
  #stop = false;
  #pollux;

  /** said: gives the words of a request.  refused: told of each answer that is not 200. */
  constructor(pollux, { clients = 20, said = () => 'Hello', refused } = {}) {
    this.#pollux = pollux;
    this.said = said;
    this.refused = refused;
    this.since = nowMs();
    this.over = Promise.all(Array.from({ length: clients }, () => this.#client()));
    this.over.catch(() => {});
  }

  get answered() {
    return this.statuses[200] ?? 0;
  }

  async #client() {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.#stop) {
      const isAnswered = await this.#one(agent).catch(() => {
        this.broken += !this.#stop;
        return false;
      });
      if (!isAnswered) await pause(AGAIN_MS);
    }
    agent.destroy();
  }

  #one(agent) {
    const body = Buffer.from(JSON.stringify(this.#pollux.chatBody(this.said())));
    const headers = { authorization: `Bearer ${this.#pollux.clientKey}`, 'content-type': 'application/json', 'content-length': body.length };
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port: this.#pollux.port, method: 'POST', path: '/v1/chat/completions', headers, agent });
      let text = '';
      this.#open.add(request);
      request.on('close', () => this.#open.delete(request));
      request.on('error', reject);
      request.on('response', (response) => {
        response.setEncoding('utf8');
        response.on('data', (more) => { text += more; });
        response.on('error', reject);
        response.on('end', () => resolve(this.#took(response.statusCode, text)));
      });
      request.end(body);
    });
  }
  #open = new Set();

  #took(status, text) {
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    if (status === 200) return true;
    const { error } = JSON.parse(text);
    const code = `${status} ${error.code}`;
    this.codes[code] = (this.codes[code] ?? 0) + 1;
    this.refused?.({ status, error });
    return false;
  }

  /** For so long; less when a client has given up. */
  async goOn(ms) {
    await Promise.race([pause(ms), this.over]);
  }

  /** Until it has lasted so long in all. */
  goOnUntil(ms) {
    return this.goOn(Math.max(0, this.since + ms - nowMs()));
  }

  /** Those that wait for their answer leave. */
  async stop() {
    this.#stop = true;
    this.until ??= nowMs();
    for (const request of this.#open) request.destroy();
    await this.over;
  }

  get tale() {
    return `${JSON.stringify(this.statuses)} by status, ${JSON.stringify(this.codes)} by code, ${this.broken} connections broken`;
  }
}

/**
 * Every stretch of a minute in which a key was asked for more than the limit: of requests, or what
 * amount() says.  A stretch counts when it was shorter than a minute whenever in the time between
 * "since" and "at" its first request came.
 */
export function stretches(records, limit, amount = () => 1) {
  const found = { over: [], least: Infinity, late: 0 };
  let sum = 0, first = 0;
  for (const r of records) {
    found.late = Math.max(found.late, r.at - r.since);
    sum += amount(r);
    for (; sum > limit; first++) {
      const begins = records[first];
      found.least = Math.min(found.least, r.at - begins.at);
      if (r.at - begins.since < MINUTE_MS) found.over.push({ ms: r.at - begins.at, sum, from: begins.at, to: r.at });
      sum -= amount(begins);
    }
  }
  return found;
}

/** What a key's limit allows in that time. */
export const allowed = (limit, ms, marginMs) => limit * Math.floor(ms / (MINUTE_MS + marginMs) + 1);

/** Says how the limits were kept and used: {over, share}. */
export function verdict(name, quota, askers, { keys, limit, marginMs = 500, amount }) {
  const all = [...quota.metered().values()].map((records) => ({ records, ...stretches(records, limit, amount) }));
  const sum = (list, one) => list.reduce((n, x) => n + one(x), 0);
  const used = sum(all, (k) => sum(k.records.filter((r) => r.at <= askers.until), amount ?? (() => 1)));
  const most = keys * allowed(limit, askers.until - askers.since, marginMs);
  const over = all.flatMap((k) => k.over);
  const least = Math.min(...all.map((k) => k.least));
  note(`${name}: ${used} of ${most} used (${(100 * used / most).toFixed(1)} %) in ${((askers.until - askers.since) / 1000).toFixed(1)} s`);
  note(`${name}: ${over.length} stretches of a minute over the limit; the shortest with one more than the limit lasted ${least.toFixed(1)} ms`);
  note(`${name}: at most ${Math.max(...all.map((k) => k.late)).toFixed(1)} ms between a request's coming and its stamp`);
  note(`${name}: the clients saw ${askers.tale}`);
  return { over, share: used / most };
}
