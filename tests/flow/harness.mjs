// flow(): one story about a real polluxd, a scripted Gemini and a plain client.
//
//   flow('a story', async (t) => {
//     const gemini = await t.gemini();
//     gemini.for('k1').answers(429, { retryDelay: '40s' });
//     const pollux = await t.pollux({ keys: ['k1', 'k2'], settings: { 'pool.pick': 'order' } });
//     ...
//   });
//
// Each story has its own directories, sockets and secrets.  In the end the daemon must stop in
// order, nobody may have died on the way, and no secret may stand in its log.  On failure the log
// is printed.
//
// POLLUX_BUILD names the build to test; POLLUX_FLOW_PATIENCE_S bounds a single wait.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import test from 'node:test';
import { Gemini } from './lib/gemini.mjs';
import { makeDirectory, Pollux } from './lib/pollux.mjs';
import { inTime } from './lib/wait.mjs';

const LIMIT_MS = 1000 * Number(process.env.POLLUX_FLOW_LIMIT_S ?? 120);

class Stage {
  daemons = [];
  #secrets = new Map();
  #dirs = [];
  #closers = [];

  /** The secret of this name; made when it is first spoken of. */
  secret(name) {
    if (!this.#secrets.has(name)) {
      const random = crypto.randomBytes(18).toString('base64url');
      this.#secrets.set(
        name,
        name.startsWith('client') ? `plx-${name}-${random}` : `AIza${random}-${name}`,
      );
    }
    return this.#secrets.get(name);
  }

  get secrets() {
    return [...this.#secrets.values()];
  }

  directory() {
    const dir = makeDirectory();
    this.#dirs.push(dir);
    return dir;
  }

  /** Something with close(), closed when the story is over. */
  keep(thing) {
    this.#closers.push(thing);
    return thing;
  }

  async gemini(options) {
    const g = this.keep(await Gemini.start((name) => this.secret(name), options));
    this.upstream ??= g;
    return g;
  }

  get upstreamUrl() {
    return this.upstream?.url ?? 'http://127.0.0.1:1';
  }

  /** A running polluxd; see Pollux.start() for what may be said of it. */
  pollux(options) {
    return Pollux.start(this, options);
  }

  tell() {
    return this.daemons.map((d) => `---- log of polluxd ${d.pid} ----\n${d.log}`).join('\n');
  }

  /** What must be true of every story. */
  async end() {
    for (const d of this.daemons) {
      await d.stop();
      await d.silence();
      if (!d.mayCrash) {
        assert.deepEqual(d.exit, { code: 0, signal: null }, 'polluxd did not end in order');
        assert.doesNotMatch(d.log, /child was killed|child ended .*why=/, 'a process died');
      }
      assert.doesNotMatch(
        d.log,
        /AddressSanitizer|LeakSanitizer|runtime error:|Assertion/,
        'a process crashed',
      );
      for (const secret of this.secrets)
        assert.ok(!d.log.includes(secret), 'a secret stands in the log');
    }
    for (const thing of this.#closers) if (thing.failure) throw thing.failure;
  }

  async clear() {
    for (const d of this.daemons) d.killAll();
    for (const thing of this.#closers) await thing.close();
    for (const dir of this.#dirs) fs.rmSync(dir, { recursive: true, force: true });
  }
}

export function flow(name, story) {
  test(name, async () => {
    const stage = new Stage();
    try {
      await inTime(
        Promise.resolve(story(stage)).then(() => stage.end()),
        'the end of the story',
        LIMIT_MS,
      );
    } catch (error) {
      process.stderr.write(`\n==== ${name}\n${stage.tell()}\n`);
      throw error;
    } finally {
      await stage.clear();
    }
  });
}

export { assert, fs };
export { deferred, inTime, until } from './lib/wait.mjs';
export {
  event,
  fault,
  PER_DAY,
  PER_MINUTE,
  piece,
  pieces,
  readEvents,
  USAGE,
} from './lib/wire.mjs';
export { ConnectProxy, Socks5Proxy } from './lib/proxies.mjs';
export { isAlive, polluxctl, polluxd, readChat, run } from './lib/pollux.mjs';
