// A wall clock that a story sets, by libfaketime.  The monotonic one stays as it is.
//
// The offset stands in .faketimerc of the daemon's home: what else libfaketime would read in the
// environment is gone once the daemon has wiped it, and a file can be written anew.

import fs from 'node:fs';
import path from 'node:path';

function find() {
  const [name, under] = ['libfaketimeMT.so.1', '/usr/lib'];
  const dirs = [under, ...fs.readdirSync(under).map((d) => path.join(under, d)), '/usr/local/lib'].map((d) => path.join(d, 'faketime'));
  return dirs.map((d) => path.join(d, name)).find((f) => fs.existsSync(f));
}

const library = find();

/** null, or why there can be none. */
export const whyNot = library ? null : 'libfaketime is not installed';

export class WallClock {
  #offsetS = 0;
  #jumpedS = 0;

  /** wallMs: what it tells now. */
  constructor(dir, wallMs = Date.now()) {
    this.file = path.join(dir, '.faketimerc');
    this.env = { LD_PRELOAD: library, HOME: dir, FAKETIME_DONT_FAKE_MONOTONIC: '1', FAKETIME_NO_CACHE: '1', NO_FAKE_STAT: '1' };
    this.#set(wallMs);
  }

  /** What the daemon sees. */
  get now() {
    return Date.now() + 1000 * this.#offsetS;
  }

  /** What it would see had the clock not jumped: what upstream sees. */
  get true() {
    return this.now - 1000 * this.#jumpedS;
  }

  /** In whole seconds, so half a second more or less. */
  #set(wallMs) {
    this.#shift(Math.round((wallMs - Date.now()) / 1000));
  }

  jump(seconds) {
    this.#jumpedS += seconds;
    this.#shift(this.#offsetS + seconds);
  }

  #shift(offsetS) {
    this.#offsetS = offsetS;
    fs.writeFileSync(`${this.file}.new`, `${offsetS < 0 ? '' : '+'}${offsetS}s\n`);
    fs.renameSync(`${this.file}.new`, this.file); // never half of it
  }
}

/** libfaketime leaves two small files behind for each daemon that was killed, or wiped its environment. */
export function sweep(pollux) {
  for (const [, pid] of pollux.log.matchAll(/master: ready .*pid=(\d+)/g)) {
    for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`]) fs.rmSync(path.join('/dev/shm', name), { force: true });
  }
}

/** The day in California, as "2026-07-15". */
export function pacificDay(wallMs) {
  return new Intl.DateTimeFormat('en-CA', { timeZone: 'America/Los_Angeles', dateStyle: 'short' }).format(wallMs);
}
