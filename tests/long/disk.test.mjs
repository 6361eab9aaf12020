// The state's disk runs full, and has room again.

import './lib/patience.mjs';
import { whyNot } from './lib/namespace.mjs';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import test from 'node:test';
import { assert, flow, fs, until } from '../flow/harness.mjs';
import { note } from './lib/figures.mjs';
import { Load } from './lib/load.mjs';
import { simulator } from './lib/sim.mjs';

const story = whyNot ? (name) => test(name, { skip: whyNot }, () => {}) : flow;

/** A small disk for the state, and a way to fill it. */
function smallDisk(t, size) {
  const dir = t.directory();
  const state = path.join(dir, 'state');
  fs.mkdirSync(state);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'none', state]);
  t.keep({ close: async () => execFileSync('umount', ['--lazy', state]) });
  const ballast = path.join(state, 'ballast');
  return {
    dir,
    fill() {
      const fd = fs.openSync(ballast, 'a');
      try {
        for (let bytes = 4096; ;) bytes = fs.writeSync(fd, Buffer.alloc(bytes));
      } catch (error) {
        assert.equal(error.code, 'ENOSPC');
      } finally {
        fs.closeSync(fd);
      }
    },
    free: () => fs.rmSync(ballast),
  };
}

const add = (pollux, label) => pollux.ctlSays(['keys', 'add', '--label', label], { input: `AIza-${label}-${'x'.repeat(24)}` });

/** Adds until the disk takes no more: pages that the store had to spare are used first. */
async function addUntilRefused(pollux, prefix) {
  const added = [];
  for (let i = 0; i < 2000; i++) {
    const said = await add(pollux, `${prefix}${i}`);
    if (said.code !== 0) return { added, said };
    added.push(`${prefix}${i}`);
  }
  throw new Error('the full disk took everything');
}

async function labels(pollux) {
  return new Set((await pollux.ctl('keys', 'list')).keys.map((k) => k.label));
}

story('on a full disk requests go on, writes are refused with what to do, and all is well when there is room', async (t) => {
  await simulator(t);
  const disk = smallDisk(t, '2m');
  const pollux = await t.pollux({ dir: disk.dir });
  pollux.mayCrash = true; // killed below
  const load = new Load(pollux, { clients: 4, deeds: ['chat', 'stream', 'native'] });
  assert.equal((await add(pollux, 'before')).code, 0);

  disk.fill();
  const { added, said } = await addUntilRefused(pollux, 'full');
  note(`refused with: ${said.json?.error ?? said.out}`);
  assert.equal(said.code, 1);
  assert.match(said.out, /full/);
  assert.match(said.out, /space|room/, 'and what is to be done');
  const client = await pollux.ctlSays(['clients', 'add', '--label', 'nobody']);
  assert.equal(client.code, 1, client.out);
  assert.match(client.out, /full/);
  assert.match(pollux.log, /takes no writes/);
  const answered = load.done;
  await until(() => load.isOver || load.done > answered + 100, 'requests to be answered');

  /* Who is born now finds the disk full. */
  for (const name of ['worker 0', 'janitor']) {
    const { pid } = pollux.children().find((c) => c.title === name);
    process.kill(pid, 'SIGKILL');
    await until(() => new RegExp(`child ready who="?${name}"? pid=(?!${pid})`).test(pollux.said.slice(pollux.said.lastIndexOf('was killed'))), `a new ${name}`);
    assert.equal((await pollux.chat('hi')).status, 200);
  }
  assert.notEqual((await add(pollux, 'still')).code, 0);
  const there = await labels(pollux);
  for (const label of ['before', ...added]) assert.ok(there.has(label), `${label} is lost`);

  disk.free();
  assert.equal((await add(pollux, 'after')).code, 0, 'at once, without a restart');
  assert.match(pollux.log, /takes writes again/);
  assert.equal((await labels(pollux)).size, there.size + 1);
  await load.stop();
  note(`${load.done} requests answered meanwhile, ${load.lost.length} lost to the killed worker`);
  assert.ok(load.lost.length <= 4);
});

story('on a full disk the daemon starts with what it has', async (t) => {
  await simulator(t);
  const disk = smallDisk(t, '2m');
  const pollux = await t.pollux({ dir: disk.dir });
  disk.fill();
  await addUntilRefused(pollux, 'full');

  await pollux.restart();

  assert.equal((await pollux.chat('hi')).status, 200);
  assert.equal((await add(pollux, 'still')).code, 1);
  pollux.signal('SIGHUP');
  await until(() => /child ready.*\n[^]*reloading[^]*child ready who="?worker/.test(pollux.said), 'a reload');
  assert.equal((await pollux.chat('hi')).status, 200);
  disk.free();
  assert.equal((await add(pollux, 'after')).code, 0);
});
