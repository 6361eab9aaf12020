// Processes are killed again and again under load; what that costs is counted.

import './lib/patience.mjs';
import path from 'node:path';
import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises';
import { assert, flow, fs, until } from '../flow/harness.mjs';
import { canSeeDescriptors, clientPorts, note, oneOf, readyOnes, zombiesOf } from './lib/figures.mjs';
import { Load } from './lib/load.mjs';
import { simulator } from './lib/sim.mjs';

const LAST_S = Number(process.env.POLLUX_KILLS_S ?? 60);
const EVERY_MS = 300;
const CLIENTS = 24;

async function isAsBefore(pollux) {
  await until(() => pollux.children().length === 3, 'both workers and the janitor');
  await pollux.counted('exchanges', (n) => n === 1); // the one that asks
  await pollux.counted('connections', (n) => n === 1);
  for (const gauge of ['streams', 'fetches']) await pollux.counted(gauge, (n) => n === 0);
  const { processes } = await pollux.ctl('status');
  assert.deepEqual(processes.map((p) => p.name).sort(), ['janitor', 'master', 'worker 0', 'worker 1'], 'no slot is left behind');
  assert.ok(processes.every((p) => p.state === 'ready'), JSON.stringify(processes));
  assert.equal(zombiesOf(pollux.pid), 0);
}

/* A worker is stopped first: what it has taken from its queue then is what dies with it. */
function killWorker(pollux, port) {
  const victim = oneOf(readyOnes(pollux, 'worker'));
  if (!victim) return null;
  process.kill(victim.pid, 'SIGSTOP');
  const ports = canSeeDescriptors ? clientPorts(victim.pid, port) : [];
  process.kill(victim.pid, 'SIGKILL');
  return { ...victim, ports: new Set(ports) };
}

/** What was lost had a connection that a killed worker had taken. */
function onlyTheirs(load, kills) {
  const held = kills.reduce((n, k) => n + k.ports.size, 0);
  const theirs = new Set(kills.flatMap((k) => [...k.ports]));
  note(`${kills.length} kills of workers that held ${held} connections; ${load.done} answered, ${load.lost.length} lost`);
  assert.ok(load.lost.length <= kills.length * load.mostInFlight);
  if (!canSeeDescriptors) {
    note('whose connections were lost was not looked at: that takes root');
    return;
  }
  assert.deepEqual(load.lost.filter((l) => !theirs.has(l.port)).map((l) => [l.deed, l.code, l.port]), [], 'lost on a connection that no killed worker had');
  assert.ok(load.lost.length <= held, `${load.lost.length} lost of ${held} on connections of killed workers`);
}

flow(`workers are killed every ${EVERY_MS} ms for ${LAST_S} s: only their own requests are lost`, async (t) => {
  await simulator(t, '--delay-ms', '2');
  const pollux = await t.pollux();
  pollux.mayCrash = true;
  const load = new Load(pollux, { clients: CLIENTS, deeds: ['chat', 'stream', 'native', 'nativeEvents', 'chat', 'models'] });
  const kills = [];
  const end = Date.now() + 1000 * LAST_S;

  while (Date.now() < end && !load.isOver) {
    await pause(EVERY_MS);
    const killed = killWorker(pollux, pollux.port);
    if (killed) kills.push(killed);
  }
  await load.stop();
  await isAsBefore(pollux);

  onlyTheirs(load, kills);
  assert.ok(kills.length > LAST_S, 'workers came back each time');
  assert.ok(load.done > 50 * kills.length, `${load.done} answered`);
  for (let i = 0; i < 20; i++) assert.equal((await pollux.chat('hi')).text, 'Hello from the simulator. You said: hi');
  await pollux.stop();
  await pollux.silence();
  assert.deepEqual(pollux.children(), []);
});

/** Adds without end; what was acknowledged is noted. */
async function write(pollux, acknowledged, isOver, words) {
  for (let i = 0; !isOver(); i++) {
    const { label, input, args } = words(i);
    const said = await pollux.ctlSays([...args, '--label', label], { input });
    assert.ok([0, 1, 3].includes(said.code), JSON.stringify(said));
    if (said.code === 0) acknowledged.set(label, said.json);
    acknowledged.codes[said.code] = (acknowledged.codes[said.code] ?? 0) + 1;
  }
}

async function hasAll(pollux, keys, clients, when) {
  const labels = new Set((await pollux.ctl('keys', 'list')).keys.map((k) => k.label));
  for (const label of keys.keys()) assert.ok(labels.has(label), `the key ${label} is lost ${when}`);
  const names = new Set((await pollux.ctl('clients', 'list')).clients.map((c) => c.label));
  for (const [label, { key }] of clients) {
    assert.ok(names.has(label), `the client ${label} is lost ${when}`);
    assert.equal((await pollux.get('/v1/models', { key })).status, 200, `the client ${label} is not let in ${when}`);
  }
}

flow(`the janitor is killed for ${LAST_S / 2} s: no acknowledged write is lost, no request notices`, async (t) => {
  await simulator(t);
  const pollux = await t.pollux();
  pollux.mayCrash = true;
  const [keys, clients] = [new Map(), new Map()];
  keys.codes = {};
  clients.codes = {};
  let isOver = false;
  const load = new Load(pollux, { clients: 4, deeds: ['chat', 'stream'] });
  const writers = [
    write(pollux, keys, () => isOver, (i) => ({ label: `key${i}`, input: `AIza-number-${i}-${'x'.repeat(20)}`, args: ['keys', 'add'] })),
    write(pollux, clients, () => isOver, (i) => ({ label: `client${i}`, args: ['clients', 'add'] })),
  ];
  const end = Date.now() + 500 * LAST_S;
  let kills = 0;

  while (Date.now() < end && !load.isOver) {
    await pause(50 + Math.random() * 2 * EVERY_MS);
    const [janitor] = readyOnes(pollux, 'janitor');
    if (!janitor) continue;
    process.kill(janitor.pid, 'SIGKILL');
    kills++;
  }
  isOver = true;
  await Promise.all(writers);
  await load.stop();
  await isAsBefore(pollux);

  note(`${kills} kills of the janitor; keys add: ${JSON.stringify(keys.codes)}, clients add: ${JSON.stringify(clients.codes)} by exit code; ${load.done} requests answered`);
  assert.ok(kills > LAST_S / 3, 'the janitor came back each time');
  assert.ok(keys.size > kills && clients.size > kills, 'writes were acknowledged between');
  assert.deepEqual(load.lost.map((l) => [l.deed, l.code]), [], 'workers go on without a janitor');
  await hasAll(pollux, keys, clients, 'while it runs');
  await pollux.restart();
  await hasAll(pollux, keys, clients, 'after a restart');
});

/* Killed behind its commit and before it has told the workers, it leaves a change in the store of
 * which nobody knows: a key that was taken away would be lent on. */
flow('what a janitor stored before it was killed, workers go by when the next one is there', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1', 'k2'], 'pool.pick': 'order' });
  pollux.mayCrash = true;
  const { k1: label } = await pollux.labels();
  const store = path.join(pollux.stateDir, 'data.mdb');
  const seen = { enabled: 0, disabled: 0 };
  let unheard = 0;

  for (let i = 0; i < 2 * LAST_S; i++) {
    const janitor = await until(() => readyOnes(pollux, 'janitor')[0], 'the janitor');
    const state = (await pollux.key('k1')).state;
    const word = state === 'enabled' ? 'disable' : 'enable';
    const before = fs.statSync(store).mtimeMs;
    let isAnswered = false;
    const saying = pollux.ctlSays(['keys', word, label]).finally(() => { isAnswered = true; });
    /* Somewhere between the commit's first write and its answer. */
    while (!isAnswered && fs.statSync(store).mtimeMs === before) await immediate();
    for (let turns = Math.floor(Math.random() * 400); turns > 0; turns--) await immediate();
    process.kill(janitor.pid, 'SIGKILL');
    if ((await saying).code !== 0) unheard++;
    await until(() => readyOnes(pollux, 'janitor').some((c) => c.pid !== janitor.pid), 'a new janitor');
    const now = (await pollux.key('k1')).state;
    seen[now]++;
    for (let k = 0; k < 4; k++) {
      await pollux.chat('hi', {}, { agent: false });
      assert.equal(gemini.last.secret, t.secret(now === 'enabled' ? 'k1' : 'k2'), `the key is ${now}`);
    }
  }
  note(`${2 * LAST_S} kills in the middle of a change, ${unheard} of them not acknowledged; it was enabled ${seen.enabled} times, disabled ${seen.disabled} times`);
});

flow(`whoever comes along is killed for ${LAST_S / 2} s while the configuration is read again and again`, async (t) => {
  await simulator(t, '--delay-ms', '2');
  const pollux = await t.pollux();
  pollux.mayCrash = true;
  const load = new Load(pollux, { clients: CLIENTS / 2, deeds: ['chat', 'stream', 'native', 'nativeEvents'] });
  const kills = [];
  const end = Date.now() + 500 * LAST_S;

  while (Date.now() < end && !load.isOver) {
    pollux.signal('SIGHUP');
    await pause(Math.random() * EVERY_MS);
    if (Math.random() < 0.5) {
      const killed = killWorker(pollux, pollux.port);
      if (killed) kills.push(killed);
    } else {
      const [janitor] = readyOnes(pollux, 'janitor');
      if (janitor) process.kill(janitor.pid, 'SIGKILL');
    }
  }
  await load.stop();
  await isAsBefore(pollux);

  onlyTheirs(load, kills);
  const old = pollux.children().map((c) => c.pid);
  fs.writeFileSync(pollux.configFile, 'queue {\n  max_wait = 17s\n}\n');
  await pollux.ctl('reload');
  await until(() => pollux.children().every((c) => !old.includes(c.pid)), 'a reload like any other');
  await isAsBefore(pollux);
  assert.match(String((await pollux.ctl('config', 'get', 'queue.max_wait')).value), /^17/);
  assert.equal((await pollux.chat('hi')).status, 200);
});
