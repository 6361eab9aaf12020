// A real polluxd in directories of its own, and what stories do with it.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask, Raw } from './client.mjs';
import { inTime, until } from './wait.mjs';
import { readEvents } from './wire.mjs';

const TOP = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

function findProgram(name, variable) {
  const places = [process.env[variable]];
  for (const dir of [
    process.env.POLLUX_BUILD,
    process.env.POLLUX_BUILDDIR,
    path.join(TOP, 'build/plain'),
    TOP,
  ]) {
    if (dir) places.push(path.join(dir, name));
  }
  const found = places.find((p) => p && fs.existsSync(p));
  if (!found) throw new Error(`${name} is not built: none of ${places.filter(Boolean).join(', ')}`);
  return found;
}

export const polluxd = findProgram('polluxd', 'POLLUXD');
export const polluxctl = findProgram('polluxctl', 'POLLUXCTL');

/** What libraries and sanitizers need of ours; nothing that configures Pollux. */
function environment(more = {}) {
  const env = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (/^(PATH|HOME|LANG|LC_|TZ|LD_LIBRARY_PATH|ASAN_|UBSAN_|LSAN_)/.test(name)) env[name] = value;
  }
  return { ...env, ...more };
}

/** A program to its end: {code, signal, out, err}. */
export async function run(program, args, { input = '', env, cwd } = {}) {
  const child = spawn(program, args, {
    env: environment(env),
    cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let out = '',
    err = '';
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  child.stdout.on('data', (b) => {
    out += b;
  });
  child.stderr.on('data', (b) => {
    err += b;
  });
  try {
    return await inTime(
      new Promise((resolve, reject) => {
        child.on('error', reject);
        child.on('close', (code, signal) => resolve({ code, signal, out, err }));
      }),
      () => `the end of ${path.basename(program)} ${args.join(' ')}; it said: ${out}${err}`,
    );
  } finally {
    child.kill('SIGKILL');
  }
}

/** Names of Unix sockets are short, so a deep TMPDIR will not do. */
export function makeDirectory() {
  const base = os.tmpdir().length > 40 ? '/tmp' : os.tmpdir();
  return fs.mkdtempSync(path.join(base, 'pollux-'));
}

const living = new Set();
process.on('exit', () => {
  for (const p of living) p.killAll();
});

const MODEL = 'gemini-2.5-flash';

export class Pollux {
  heard = ''; // on standard error
  exit = null;
  mayCrash = false; // a story that kills says so
  #asks = new Set();

  /**
   * keys: names; secrets of theirs go into GEMINI_API_KEYS.  clients: keys of clients; one is made
   * unless told.  config: text of a configuration file.  env: more of the environment.  All names
   * with a dot in them are settings, for -D.
   */
  static async start(stage, options = {}) {
    const { keys = ['k1'], clients, config, env = {}, dir, logFile } = options;
    const settings = Object.fromEntries(
      Object.entries(options).filter(([name]) => name.includes('.')),
    );
    const p = new Pollux();
    p.stage = stage;
    stage.daemons.push(p);
    p.keys = keys;
    p.logFile = logFile;
    p.dir = dir ?? stage.directory();
    p.settings = settings;
    p.clientKeys = clients ?? [stage.secret('client')];
    p.clientKey = p.clientKeys[0];
    p.configFile = path.join(p.dir, 'pollux.conf');
    fs.writeFileSync(p.configFile, config ?? '');
    p.env = { ...env };
    if (keys.length) p.env.GEMINI_API_KEYS = keys.map((k) => stage.secret(k)).join(',');
    if (p.clientKeys.length) p.env.POLLUX_CLIENT_KEYS = p.clientKeys.join(',');
    p.launch();
    await p.ready();
    return p;
  }

  get runDir() {
    return path.join(this.dir, 'run');
  }
  get stateDir() {
    return path.join(this.dir, 'state');
  }
  get socket() {
    return path.join(this.runDir, 'control.sock');
  }
  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  arguments() {
    const settings = {
      'server.listen': '127.0.0.1:0',
      'server.run_dir': this.runDir,
      'state.dir': this.stateDir,
      'server.workers': 2,
      'upstream.gemini_url': this.stage.upstreamUrl,
      ...this.settings,
    };
    if (process.getuid() === 0) settings['server.user'] = 'root';
    const args = ['-f', '-c', this.configFile];
    for (const [name, value] of Object.entries(settings)) {
      if (value !== undefined && value !== null) args.push('-D', `${name}=${value}`);
    }
    return args;
  }

  launch() {
    const child = spawn(polluxd, this.arguments(), {
      env: environment(this.env),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.exit = null;
    this.since = this.heard.length;
    this.child = child;
    this.pid = child.pid;
    living.add(this);
    const hear = (bytes) => {
      this.heard += bytes;
    };
    child.stderr.on('data', hear);
    child.on('error', (error) => {
      this.heard += `${error}\n`;
    });
    this.ended = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        this.exit = { code, signal };
        resolve(this.exit);
      });
    });
    this.silent = new Promise((resolve) => child.on('close', resolve)); // its children, too
  }

  /** All of the log; in a file of its own where the story says so. */
  get log() {
    const file =
      this.logFile && fs.existsSync(this.logFile) ? fs.readFileSync(this.logFile, 'utf8') : '';
    return this.heard + file;
  }

  /** This run's part of it. */
  get said() {
    return this.log.slice(this.since);
  }

  async ready() {
    const pattern = /(?:master: ready .*listen=|"msg":"ready".*"listen":)"?[^\s,"]*:(\d+)/;
    await until(
      () => this.exit || pattern.test(this.said),
      () => `polluxd to be ready; its log:\n${this.log}`,
    );
    if (this.exit) {
      throw new Error(
        `polluxd ended with ${JSON.stringify(this.exit)} before it was ready:\n${this.log}`,
      );
    }
    this.port = Number(pattern.exec(this.said)[1]);
  }

  signal(name) {
    this.child.kill(name);
  }

  /** Resolves with {code, signal} of the master's end. */
  over() {
    return inTime(this.ended, () => `the end of polluxd; its log:\n${this.log}`);
  }

  /** Resolves when nobody is left who could write to the log. */
  silence() {
    return inTime(this.silent, () => `all processes to end; the log:\n${this.log}`);
  }

  async logs(pattern) {
    await until(
      () => pattern.test(this.said),
      () => `${pattern} in the log:\n${this.said}`,
    );
  }

  /** An orderly end: what the story left running is cut off by a second signal. */
  async stop() {
    for (const ask of this.#asks) ask.leave();
    for (let patience = 30; !this.exit; patience = 300) {
      this.signal('SIGTERM');
      await Promise.race([this.over(), new Promise((resolve) => setTimeout(resolve, patience))]);
    }
  }

  /** The same directories, keys and settings, once more. */
  async restart({ keys = this.keys, clients = this.clientKeys, settings } = {}) {
    await this.stop();
    if (settings) this.settings = { ...this.settings, ...settings };
    this.keys = keys;
    delete this.env.GEMINI_API_KEYS;
    delete this.env.POLLUX_CLIENT_KEYS;
    if (keys.length) this.env.GEMINI_API_KEYS = keys.map((k) => this.stage.secret(k)).join(',');
    if (clients.length) this.env.POLLUX_CLIENT_KEYS = clients.join(',');
    this.launch();
    await this.ready();
  }

  /** Everybody is killed at once; then the same directories, keys and settings, once more. */
  async crash() {
    this.killAll();
    await this.over();
    await this.silence();
    this.launch();
    await this.ready();
  }

  /* The processes. */

  /** [{pid, title}] of the master's children, in no order. */
  children() {
    const found = [];
    for (const name of fs.readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const stat = fs.readFileSync(`/proc/${name}/stat`, 'latin1');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (Number(parent) !== this.pid || state === 'Z') continue;
        const title = fs
          .readFileSync(`/proc/${name}/cmdline`, 'latin1')
          .replace(/\0.*/s, '')
          .replace(/^pollux: /, '');
        found.push({ pid: Number(name), title });
      } catch {
        /* It ended while we looked. */
      }
    }
    return found;
  }

  worker(number) {
    return this.children().find((c) => c.title === `worker ${number}`)?.pid;
  }
  janitor() {
    return this.children().find((c) => c.title === 'janitor')?.pid;
  }

  killAll() {
    living.delete(this);
    const pids = this.exit ? [] : [this.pid, ...this.children().map((c) => c.pid)];
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        /* It is gone. */
      }
    }
  }

  /* Clients. */

  /** A Live as soon as the answer's head is there. */
  async open(method, target, options = {}) {
    const { key = this.clientKey, headers = {}, ...rest } = options;
    const all = key === null ? headers : { authorization: `Bearer ${key}`, ...headers };
    const live = await ask(this.port, method, target, { ...rest, headers: all });
    this.#asks.add(live);
    return live;
  }

  /** The same, whole. */
  async request(method, target, options) {
    const live = await this.open(method, target, options);
    await live.end();
    this.#asks.delete(live);
    return live;
  }

  get(target, options) {
    return this.request('GET', target, options);
  }

  /** The body of a chat, ready to be sent. */
  chatBody(said, { stream, usage, model = MODEL, ...fields } = {}) {
    const messages = typeof said === 'string' ? [{ role: 'user', content: said }] : said;
    return {
      model,
      messages,
      ...(stream ? { stream: true } : {}),
      ...(usage ? { stream_options: { include_usage: true } } : {}),
      ...fields,
    };
  }

  openChat(said, fields = {}, options = {}) {
    return this.open('POST', '/v1/chat/completions', {
      ...options,
      body: this.chatBody(said, fields),
    });
  }

  /** {status, headers, text, json | chunks, done, usage, finish, error} */
  async chat(said, fields = {}, options = {}) {
    const live = await this.request('POST', '/v1/chat/completions', {
      ...options,
      body: this.chatBody(said, fields),
    });
    return readChat(live);
  }

  openNative(verb, body, options = {}) {
    const { model = MODEL, version = 'v1beta', query = '', ...rest } = options;
    return this.open('POST', `/${version}/models/${model}:${verb}${query}`, { ...rest, body });
  }

  async native(verb, body, options) {
    const live = await this.openNative(verb, body, options);
    await live.end();
    return live;
  }

  /** A request's head for a bare connection, up to the empty line. */
  head(headers, target = '/v1/chat/completions', version = '1.1') {
    const lines = headers.map((header) => `${header}\r\n`).join('');
    return (
      `POST ${target} HTTP/${version}\r\nHost: pollux\r\n` +
      `Authorization: Bearer ${this.clientKey}\r\n${lines}\r\n`
    );
  }

  /** A whole chat request for a bare connection. */
  chatBytes(said, fields, target, version) {
    const body = JSON.stringify(this.chatBody(said, fields));
    return this.head([`Content-Length: ${Buffer.byteLength(body)}`], target, version) + body;
  }

  dial() {
    return Raw.dial(this.port).then((raw) => {
      this.#asks.add(raw);
      return raw;
    });
  }

  /* The operator. */

  /** What polluxctl says, whatever it says: {code, out, err, json}. */
  async ctlSays(words, { input, env } = {}) {
    const result = await run(polluxctl, ['--json', '-s', this.socket, ...words], { input, env });
    try {
      result.json = JSON.parse(result.out);
    } catch {
      result.json = null;
    }
    return result;
  }

  /** The JSON of a word that must succeed.  A last argument {input} goes to standard input. */
  async ctl(...words) {
    const options = typeof words[words.length - 1] === 'object' ? words.pop() : {};
    const labels = words[0] === 'keys' && words.length > 2 ? await this.labels() : {};
    const result = await this.ctlSays(
      words.map((w) => labels[w] ?? w),
      options,
    );
    if (result.code !== 0) {
      throw new Error(
        `polluxctl ${words.join(' ')}: exit ${result.code}: ${result.out}${result.err}`,
      );
    }
    return result.json;
  }

  /** Stories name their keys; Pollux labels those of the environment as it likes. */
  async labels() {
    const { keys } = await this.ctl('keys', 'list');
    const labels = {};
    for (const name of this.keys) {
      const secret = this.stage.secret(name);
      const own = keys.find((k) => k.hint === `${secret.slice(0, 4)}...${secret.slice(-4)}`);
      if (own) labels[name] = own.label;
    }
    return labels;
  }

  /** One key as "keys show" has it; frozen for the model that stories use. */
  key(name) {
    return this.ctl('keys', 'show', name, '--model', MODEL);
  }

  /** All keys are lent again, whatever happened to them. */
  thaw() {
    return this.ctl('keys', 'thaw', ...this.keys);
  }

  /** Why it was answered so; a worker leaves that behind the answer's last byte. */
  async explained(answer) {
    const id = answer.headers['x-request-id'];
    let said;
    await until(
      async () => (said = await this.ctlSays(['explain', id])).code === 0,
      () => `an explanation of ${id}; ${said?.out}`,
    );
    return said.json;
  }

  /** Counters of /health, over all workers. */
  async counts() {
    return (await this.get('/health', { key: null })).json;
  }

  async counted(name, condition) {
    let counts;
    await until(
      async () => condition((counts = await this.counts())[name]),
      () => `${name}; now ${JSON.stringify(counts)}`,
    );
    return counts;
  }

  /** Everything that lies in the state and run directories, as one text. */
  files() {
    const found = [];
    const walk = (dir) => {
      for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
        const full = path.join(dir, entry.name);
        if (entry.isDirectory()) walk(full);
        else if (entry.isFile()) found.push({ path: full, bytes: fs.readFileSync(full) });
      }
    };
    walk(this.dir);
    return found;
  }
}

/** A chat's answer, whole or streamed, in the words of stories. */
export function readChat(live) {
  const answer = {
    status: live.status,
    headers: live.headers,
    body: live.text,
    cutOff: live.wasCutOff,
  };
  if (!String(live.headers['content-type']).startsWith('text/event-stream')) {
    answer.json = live.json;
    answer.error = answer.json.error;
    answer.text = answer.json.choices?.[0]?.message?.content;
    answer.finish = answer.json.choices?.[0]?.finish_reason;
    answer.usage = answer.json.usage;
    return answer;
  }
  const events = readEvents(live.text);
  answer.done = events[events.length - 1]?.data === '[DONE]';
  answer.chunks = events.filter((e) => e.json).map((e) => e.json);
  answer.error = answer.chunks.find((c) => c.error)?.error;
  const choices = answer.chunks.flatMap((c) => c.choices ?? []);
  answer.text = choices.map((c) => c.delta?.content ?? '').join('');
  answer.finish = choices.map((c) => c.finish_reason).find(Boolean);
  answer.usage = answer.chunks.map((c) => c.usage).find(Boolean);
  return answer;
}

/** Is there such a process? */
export function isAlive(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}
