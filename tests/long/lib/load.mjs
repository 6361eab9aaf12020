// Clients that ask again and again, each on a kept connection of its own, and check every answer.

import assert from 'node:assert/strict';
import http from 'node:http';
import { readEvents } from '../../flow/lib/wire.mjs';
import { WORDS } from './sim.mjs';

const MODEL = 'gemini-2.5-flash';

/** One request to its end, whatever that is: {status, text}.  Rejects when the connection breaks. */
function exchange(load, agent, method, target, { body, key = load.pollux.clientKey, leave } = {}) {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}` };
    const bytes = body === undefined ? null : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    if (bytes) Object.assign(headers, { 'content-type': 'application/json', 'content-length': bytes.length });
    const request = http.request({ host: '127.0.0.1', port: load.pollux.port, method, path: target, headers, agent });
    let text = '';
    const go = () => {
      request.destroy();
      resolve({ left: true });
    };
    request.on('error', (error) => {
      error.socket = request.socket;
      reject(error);
    });
    request.on('response', (response) => {
      response.setEncoding('utf8');
      response.on('data', (more) => {
        text += more;
        if (leave === 'in the middle') go();
      });
      response.on('error', (error) => {
        error.socket = request.socket;
        reject(error);
      });
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    request.end(bytes ?? undefined, leave === 'at once' ? go : undefined);
  });
}

const chat = (said, more) => ({ model: MODEL, messages: [{ role: 'user', content: said }], ...more });
const contents = (said) => ({ contents: [{ role: 'user', parts: [{ text: said }] }] });
const ofCandidates = (answer) => answer.candidates.flatMap((c) => c.content?.parts ?? []).map((p) => p.text ?? '').join('');
const native = (verb) => `/v1beta/models/${MODEL}:${verb}`;

function whole(answer, read, said) {
  assert.equal(answer.status, 200, answer.text);
  assert.equal(read(answer.text), WORDS + said);
}

function ofStream(text) {
  const events = readEvents(text);
  assert.equal(events[events.length - 1].data, '[DONE]');
  return events.filter((e) => e.json).flatMap((e) => e.json.choices).map((c) => c.delta?.content ?? '').join('');
}

/** What clients do.  Each is given the load, an agent and words of its own. */
export const DEEDS = {
  async chat(load, agent, said) {
    const answer = await exchange(load, agent, 'POST', '/v1/chat/completions', { body: chat(said) });
    whole(answer, (text) => JSON.parse(text).choices[0].message.content, said);
  },
  async stream(load, agent, said) {
    const answer = await exchange(load, agent, 'POST', '/v1/chat/completions', { body: chat(said, { stream: true }) });
    whole(answer, ofStream, said);
  },
  async native(load, agent, said) {
    const answer = await exchange(load, agent, 'POST', native('generateContent'), { body: contents(said) });
    whole(answer, (text) => ofCandidates(JSON.parse(text)), said);
  },
  async nativeEvents(load, agent, said) {
    const answer = await exchange(load, agent, 'POST', `${native('streamGenerateContent')}?alt=sse`, { body: contents(said) });
    whole(answer, (text) => readEvents(text).map((e) => ofCandidates(e.json)).join(''), said);
  },
  async nativeArray(load, agent, said) {
    const answer = await exchange(load, agent, 'POST', native('streamGenerateContent'), { body: contents(said) });
    whole(answer, (text) => JSON.parse(text).map(ofCandidates).join(''), said);
  },
  async long(load, agent, said) {
    const much = `${said} ${'and so on '.repeat(20000)}`;
    const answer = await exchange(load, agent, 'POST', '/v1/chat/completions', { body: chat(much) });
    whole(answer, (text) => JSON.parse(text).choices[0].message.content, much);
  },
  async models(load, agent) {
    const answer = await exchange(load, agent, 'GET', '/v1/models');
    assert.equal(answer.status, 200);
    assert.ok(JSON.parse(answer.text).data.length > 0);
  },
  async wrongKey(load, agent, said) {
    const answer = await exchange(load, agent, 'POST', '/v1/chat/completions', { body: chat(said), key: 'plx-nobody' });
    assert.ok([401, 429].includes(answer.status), answer.text); // many failures are told to wait
  },
  async wrongBody(load, agent) {
    const answer = await exchange(load, agent, 'POST', '/v1/chat/completions', { body: '{"model": "x", "messages": [' });
    assert.equal(answer.status, 400);
  },
  async wrongModel(load, agent, said) {
    const answer = await exchange(load, agent, 'POST', '/v1/chat/completions', { body: { ...chat(said), model: 'gemini-none' } });
    assert.equal(answer.status, 404, answer.text);
  },
  async leaveAtOnce(load, agent, said) {
    await exchange(load, agent, 'POST', '/v1/chat/completions', { body: chat(said), leave: 'at once' });
  },
  async leaveInTheMiddle(load, agent, said) {
    await exchange(load, agent, 'POST', '/v1/chat/completions', { body: chat(`${said}${' word'.repeat(200)}`, { stream: true }), leave: 'in the middle' });
  },
};

export class Load {
  done = 0;
  lost = []; // {deed, code, socket, port}: connections that broke
  inFlight = 0;
  mostInFlight = 0;
  #stop = false;
  #next = 0;

  /** deeds: names of DEEDS, done in turn.  requests: so many in all; without it, until stop(). */
  constructor(pollux, { clients = 16, deeds = ['chat'], requests = Infinity } = {}) {
    this.pollux = pollux;
    this.deeds = deeds;
    this.requests = requests;
    this.over = Promise.all(Array.from({ length: clients }, () => this.#client()));
    this.over.catch(() => {});
  }

  async #client() {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    /* Which local port a socket had is forgotten when it is closed. */
    agent.on('free', (socket) => { socket.port ??= socket.localPort; });
    const { createConnection } = agent;
    agent.createConnection = (...args) => {
      const socket = createConnection.apply(agent, args);
      socket.once('connect', () => { socket.port = socket.localPort; });
      return socket;
    };
    try {
      while (!this.#stop && this.#next < this.requests) await this.#one(agent);
    } finally {
      this.#stop ||= this.requests === Infinity; // one that gave up is seen at once
      agent.destroy();
    }
  }

  async #one(agent) {
    const n = this.#next++;
    const deed = this.deeds[n % this.deeds.length];
    this.inFlight++;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    try {
      await DEEDS[deed](this, agent, `number ${n}`);
      this.done++;
    } catch (error) {
      if (!error.code || error.code === 'ERR_ASSERTION') {
        error.message = `${deed} ${n}: ${error.message}`;
        throw error;
      }
      this.lost.push({ deed, code: error.code, port: error.socket?.port, socket: error.socket });
    } finally {
      this.inFlight--;
    }
  }

  get isOver() { return this.#stop; }

  /** Lets every client finish what it does. */
  async stop() {
    this.#stop = true;
    await this.over;
  }
}
