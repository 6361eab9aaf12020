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

function isKept({ over, share }) {
  assert.deepEqual(over, [], 'over the limit');
  assert.ok(share >= SHARE, `${(100 * share).toFixed(1)} % used`);
}

/** A daemon of four workers whose keys have these limits. */
function born(t, keys, limits) {
  const words = Object.entries(limits).map(([name, n]) => `\t${name} = ${n}\n`).join('');
  return t.pollux({ keys, config: `model "gemini-2.5-flash" {\n${words}}\n`, 'server.workers': 4 });
}

/** Kills a worker again and again, until told otherwise. */
class Killer {
  count = 0;
  #isOver = false;

  constructor(pollux) {
    pollux.mayCrash = true;
    this.over = this.#kill(pollux);
    this.over.catch(() => {});
  }

  async #kill(pollux) {
    while (!this.#isOver) {
      await pause(KILL_EVERY_MS);
      const victim = this.#isOver || pollux.exit ? null : oneOf(readyOnes(pollux, 'worker'));
      if (!victim) continue;
      process.kill(victim.pid, 'SIGKILL');
      this.count++;
    }
  }

  stop() {
    this.#isOver = true;
    return this.over;
  }
}

/** For as long as a proof lasts: a worker is killed every two seconds, and in its middle the daemon is born again. */
async function disturb(pollux, askers, again) {
  const killer = new Killer(pollux);

  await askers.goOnUntil(LAST_MS / 2);
  await again(pollux);
  await askers.goOnUntil(LAST_MS);
  await askers.stop();
  await killer.stop();
  note(`${killer.count} workers were killed`);
  assert.ok(killer.count > LAST_MS / KILL_EVERY_MS / 2, 'workers came back each time');
}

const AGAIN = {
  'ends in order': (pollux) => pollux.restart(),
  'is killed with all its children': (pollux) => pollux.crash(),
};

/* ---- requests ---- */

const RPM = 5;
const RPM_KEYS = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6'];

flow(`${RPM} requests a minute of ${RPM_KEYS.length} keys, ${CLIENTS} clients, ${LAST_MS / 1000} s`, async (t) => {
  const quota = await Quota.start(t);
  const pollux = await born(t, RPM_KEYS, { rpm: RPM });
  const askers = new Askers(pollux, { clients: CLIENTS });

  await askers.goOnUntil(LAST_MS);
  await askers.stop();

  isKept(verdict('undisturbed', quota, askers, { keys: RPM_KEYS.length, limit: RPM }));
  assert.deepEqual(Object.keys(askers.statuses).sort(), ['200', '429']);
  assert.equal(askers.broken, 0);
});

for (const [name, again] of Object.entries(AGAIN)) {
  flow(`the same, a worker killed every ${KILL_EVERY_MS / 1000} s, and in the middle the daemon ${name} and comes back`, async (t) => {
    const quota = await Quota.start(t);
    const pollux = await born(t, RPM_KEYS, { rpm: RPM });
    const askers = new Askers(pollux, { clients: CLIENTS });

    await disturb(pollux, askers, again);
    await askers.stop();

    isKept(verdict(`killed, and ${name}`, quota, askers, { keys: RPM_KEYS.length, limit: RPM }));
  });
}

/* ---- tokens ---- */

const TPM = 20_000;
const TPM_KEYS = ['k1', 'k2', 'k3'];
const SHORTEST = 50;
const LONGEST = 2000;
const KINDS = ['prose', 'digits', 'base64', 'cjk', 'prose', 'emoji'];

/* What clients say changes in kind, each time in the middle of a minute that is being used up, when what
 * was learned of the last kind is at its best. */
function kindAfter(tokens) {
  const turn = Math.floor(tokens / (TPM * TPM_KEYS.length / 2) + 0.5);
  return KINDS[Math.min(turn, KINDS.length - 1)];
}

/* Many short ones and some long ones. */
const someLength = () => Math.round(SHORTEST * (LONGEST / SHORTEST) ** Math.random());

async function spendTokens(t, name, goOn) {
  let spent = 0;
  const quota = await Quota.start(t, { seen: (r) => { spent += r.tokens; } });
  quota.delay(50, 500); // long enough for many to be reserved at once
  const pollux = await born(t, TPM_KEYS, { tpm: TPM });
  const askers = new Askers(pollux, { clients: CLIENTS, said: () => textOf(kindAfter(spent), someLength()) });

  await goOn(pollux, askers);
  await askers.stop();

  const lengths = quota.records.map((r) => r.tokens);
  note(`${name}: prompts of ${Math.min(...lengths)} to ${Math.max(...lengths)} tokens, the last of ${kindAfter(spent)}`);
  isKept(verdict(name, quota, askers, { keys: TPM_KEYS.length, limit: TPM, amount: (r) => r.tokens }));
}

flow(`${TPM} tokens a minute of ${TPM_KEYS.length} keys, by prompts of ${SHORTEST} to ${LONGEST} tokens whose kind changes`, async (t) => {
  await spendTokens(t, 'tokens', (pollux, askers) => askers.goOnUntil(LAST_MS));
});

flow(`the same, a worker killed every ${KILL_EVERY_MS / 1000} s, and in the middle the daemon is killed with all its children`, async (t) => {
  await spendTokens(t, 'tokens, killed', (pollux, askers) => disturb(pollux, askers, AGAIN['is killed with all its children']));
});
