// Limits are kept to the last request and used nearly whole, whatever happens to the daemon.

import './lib/patience.mjs';
import { setTimeout as pause } from 'node:timers/promises';
import { assert, flow } from '../flow/harness.mjs';
import { note, oneOf, readyOnes } from './lib/figures.mjs';
import { Askers, Quota, verdict } from './lib/quota.mjs';
import { textOf } from './lib/tokens.mjs';

const LAST_MS = 1000 * Number(process.env.POLLUX_LIMITS_S ?? 180);
const KILL_EVERY_MS = 2000;
const CLIENTS = 20;
const SHARE = 0.95;
const KEYS = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6'];
const RPM = 5;
const HOUSE = { keys: KEYS, config: `model "gemini-2.5-flash" {\n\trpm = ${RPM}\n}\n`, 'server.workers': 4 };

function isKept({ over, share }) {
  assert.deepEqual(over, [], 'over the limit');
  assert.ok(share >= SHARE, `${(100 * share).toFixed(1)} % used`);
}

flow(`${RPM} requests a minute of ${KEYS.length} keys, ${CLIENTS} clients, ${LAST_MS / 1000} s`, async (t) => {
  const quota = await Quota.start(t);
  const pollux = await t.pollux(HOUSE);
  const askers = new Askers(pollux, { clients: CLIENTS });

  await askers.goOn(LAST_MS);
  await askers.stop();

  isKept(verdict('undisturbed', quota, askers, { keys: KEYS.length, limit: RPM }));
  assert.deepEqual(Object.keys(askers.statuses).sort(), ['200', '429']);
  assert.equal(askers.broken, 0);
});

/** Kills a worker again and again, until told otherwise: {count, stop()}. */
function killer(pollux) {
  const k = { count: 0, isOver: false };
  const over = (async () => {
    while (!k.isOver) {
      await pause(KILL_EVERY_MS);
      const victim = k.isOver || pollux.exit ? null : oneOf(readyOnes(pollux, 'worker'));
      if (!victim) continue;
      process.kill(victim.pid, 'SIGKILL');
      k.count++;
    }
  })();
  k.stop = () => {
    k.isOver = true;
    return over;
  };
  return k;
}

for (const [name, again] of [['ends in order', (pollux) => pollux.restart()], ['is killed with all its children', (pollux) => pollux.crash()]]) {
  flow(`the same, a worker killed every ${KILL_EVERY_MS / 1000} s, and in the middle the daemon ${name} and comes back`, async (t) => {
    const quota = await Quota.start(t);
    const pollux = await t.pollux(HOUSE);
    pollux.mayCrash = true;
    const askers = new Askers(pollux, { clients: CLIENTS });
    const kills = killer(pollux);

    await askers.goOn(LAST_MS / 2);
    await again(pollux);
    await askers.goOn(LAST_MS / 2);
    await kills.stop();
    await askers.stop();

    note(`${kills.count} workers were killed`);
    isKept(verdict(`killed, and ${name}`, quota, askers, { keys: KEYS.length, limit: RPM }));
    assert.ok(kills.count > LAST_MS / KILL_EVERY_MS / 2, 'workers came back each time');
  });
}

/* What the clients say changes in kind, each time in the middle of a minute that is being used up. */
const TPM = 20_000;
const TPM_KEYS = ['k1', 'k2', 'k3'];
const SHORTEST = 50;
const LONGEST = 2000;

function kindAfter(tokens) {
  const order = ['prose', 'digits', 'base64', 'cjk', 'prose', 'emoji'];
  const turn = Math.floor(tokens / (TPM * TPM_KEYS.length / 2) + 0.5);
  return order[Math.min(turn, order.length - 1)];
}

/* Many short ones and some long ones. */
const someLength = () => Math.round(SHORTEST * (LONGEST / SHORTEST) ** Math.random());

flow(`${TPM} tokens a minute of ${TPM_KEYS.length} keys, by prompts of ${SHORTEST} to ${LONGEST} tokens whose kind changes`, async (t) => {
  const settled = { tokens: 0 };
  const quota = await Quota.start(t, { seen: (r) => { settled.tokens += r.tokens; } });
  quota.delay(50, 500);
  const pollux = await t.pollux({ keys: TPM_KEYS, config: `model "gemini-2.5-flash" {\n\ttpm = ${TPM}\n}\n`, 'server.workers': 4 });
  const said = () => textOf(kindAfter(settled.tokens), someLength());
  const askers = new Askers(pollux, { clients: CLIENTS, said });

  await askers.goOn(LAST_MS);
  await askers.stop();

  const lengths = quota.records.map((r) => r.tokens);
  note(`prompts of ${Math.min(...lengths)} to ${Math.max(...lengths)} tokens; at the end they were of ${kindAfter(settled.tokens)}`);
  isKept(verdict('tokens', quota, askers, { keys: TPM_KEYS.length, limit: TPM, amount: (r) => r.tokens }));
});
