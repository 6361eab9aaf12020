// The configuration is read again and again under load, and nobody notices.

import './lib/patience.mjs';
import { assert, flow, fs, isAlive, until } from '../flow/harness.mjs';
import { note } from './lib/figures.mjs';
import { Load } from './lib/load.mjs';
import { simulator } from './lib/sim.mjs';

const TIMES = 20;

flow(`${TIMES} reloads under load fail no request and cut no stream`, async (t) => {
  /* Streams last longer than a reload: they are begun before it and end behind it. */
  await simulator(t, '--delay-ms', '250');
  const pollux = await t.pollux();
  const first = pollux.children().map((c) => c.pid);
  const loads = [
    new Load(pollux, { clients: 12, deeds: ['stream', 'nativeEvents', 'nativeArray'] }),
    new Load(pollux, { clients: 6, deeds: ['chat', 'native', 'models', 'long'] }),
  ];
  const born = () => [...pollux.said.matchAll(/child ready who="?worker/g)].length;

  for (let i = 0; i < TIMES; i++) {
    const [before, old] = [born(), pollux.children().map((c) => c.pid)];
    const answered = loads.map((l) => l.done);
    fs.writeFileSync(pollux.configFile, `queue {\n  max_wait = ${10 + i}s\n}\n`);
    pollux.signal('SIGHUP');
    await until(() => born() === before + 2, 'two new workers');
    await until(() => loads.some((l) => l.isOver) || loads.every((l, k) => l.done > answered[k]), 'answers');
    if (i % 4 === 3) for (const pid of old) await until(() => !isAlive(pid), 'the old processes to end');
  }
  for (const load of loads) await load.stop();

  note(`${TIMES} reloads: ${loads[0].done} streams and ${loads[1].done} plain requests answered, ${loads[0].lost.length + loads[1].lost.length} lost`);
  assert.deepEqual(loads.flatMap((l) => l.lost).map((l) => [l.deed, l.code]), []);
  await until(() => pollux.children().length === 3, 'the old processes to end');
  for (const pid of first) assert.ok(!isAlive(pid));
  assert.match(String((await pollux.ctl('config', 'get', 'queue.max_wait')).value), new RegExp(`^${10 + TIMES - 1}`));
  await pollux.counted('exchanges', (n) => n === 1);
  for (const gauge of ['streams', 'fetches']) await pollux.counted(gauge, (n) => n === 0);
  const { processes } = await pollux.ctl('status');
  assert.equal(processes.length, 4, 'no slot is left behind');
});
