// After ten times as many requests the daemon is as large as it was, and has as much open.

import './lib/patience.mjs';
import path from 'node:path';
import { assert, flow, fs, until } from '../flow/harness.mjs';
import { canSeeDescriptors, descriptors, note, processesOf, rssKiB } from './lib/figures.mjs';
import { DEEDS, Load } from './lib/load.mjs';
import { simulator } from './lib/sim.mjs';

const ROUND = Math.ceil(Number(process.env.POLLUX_SOAK_REQUESTS ?? 200_000) / 10);
const CLIENTS = 24;

/* Eight of a hundred kilobytes are within what malloc keeps back or not as chance will have it;
 * a leak of one small object in a request would be ten times that. */
const GROWTH = 0.08;
const GROWTH_KIB = 1024;

/* A body of 180 kB comes once in a while, the others all the time. */
const SMALL = Object.keys(DEEDS).filter((d) => d !== 'long');
const MIX = [...Array.from({ length: 15 }, () => SMALL).flat(), 'long'];

/** Nothing under way: what each process has now, it keeps. */
async function figures(pollux, sim) {
  await pollux.counted('exchanges', (n) => n === 1);
  await pollux.counted('connections', (n) => n === 1);
  for (const gauge of ['streams', 'fetches']) await pollux.counted(gauge, (n) => n === 0);
  return processesOf(pollux).map((p) => ({ ...p, rss: rssKiB(p.pid),
    fds: canSeeDescriptors ? descriptors(p.pid, sim.port) : { all: 0, upstream: 0 } }));
}

function tell(requests, seen, store) {
  const each = seen.map((p) => `${p.title} ${p.rss} KiB, ${p.fds.all - p.fds.upstream}+${p.fds.upstream} fds`);
  note(`after ${requests} requests: ${each.join('; ')}; store ${store} bytes`);
}

flow(`${10 * ROUND} requests leave the daemon as ${ROUND} did`, async (t) => {
  const sim = await simulator(t);
  const pollux = await t.pollux({ keys: ['k1', 'k2', 'k3'], 'queue.max_wait': '2s' });
  /* They fail now and then, so that another one is tried. */
  for (const kind of ['overloaded', 'broken']) await pollux.ctl('keys', 'add', '--label', kind, { input: `${kind}-key-0123456789abcdef` });
  const store = () => fs.statSync(path.join(pollux.stateDir, 'data.mdb')).size;
  const seen = [];
  let done = 0;

  for (let round = 1; round <= 10; round++) {
    const load = new Load(pollux, { clients: CLIENTS, deeds: MIX, requests: ROUND });
    await load.over;
    assert.deepEqual(load.lost.map((l) => [l.deed, l.code]), [], 'connections that broke');
    done += load.done;
    seen.push({ processes: await figures(pollux, sim), store: store() });
    tell(done, seen[seen.length - 1].processes, seen[seen.length - 1].store);
  }

  assert.equal(done, 10 * ROUND);
  assert.ok((await pollux.counts()).retries > 0, 'other keys were tried');
  const [first, last] = [seen[0], seen[seen.length - 1]];
  assert.deepEqual(last.processes.map((p) => p.pid), first.processes.map((p) => p.pid), 'the same processes');
  for (const [i, p] of last.processes.entries()) {
    const was = first.processes[i];
    const most = was.rss + Math.max(GROWTH * was.rss, GROWTH_KIB);
    assert.ok(p.rss <= most, `${p.title} had ${was.rss} KiB and has ${p.rss} KiB`);
    assert.equal(p.fds.all - p.fds.upstream, was.fds.all - was.fds.upstream, `descriptors of ${p.title}`);
    assert.ok(p.fds.upstream <= CLIENTS, `connections of ${p.title} to Gemini`);
  }
  assert.equal(last.store, first.store, 'bytes of the store');
  if (!canSeeDescriptors) note('descriptors were not looked at: that takes root');
  await until(() => pollux.children().length === 3, 'nobody else');
});
