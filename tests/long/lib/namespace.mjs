// The whole file once more, in a mount namespace of its own: what is mounted there is seen by
// nobody else and gone when it ends.  To be imported before the harness.

import { spawnSync } from 'node:child_process';

/** null, or why there can be none. */
export let whyNot = null;

function enter() {
  const how = process.getuid() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount'];
  const trial = spawnSync('unshare', [...how, 'mount', '-t', 'tmpfs', 'none', '/tmp'], { encoding: 'utf8' });
  if (trial.error || trial.status !== 0) return `no file system can be mounted here: ${trial.error?.message ?? trial.stderr.trim()}`;
  const inside = spawnSync('unshare', [...how, '--kill-child', process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    { stdio: 'inherit', env: { ...process.env, POLLUX_LONG_INSIDE: 'yes' } });
  process.exit(inside.status ?? 1);
}

if (!process.env.POLLUX_LONG_INSIDE) whyNot = enter();
