// polluxd under a descriptor limit that a story chooses.  To be imported before the harness, which
// looks for the program when it is loaded.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { polluxd } from '../../flow/lib/pollux.mjs?unlimited';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'pollux-limited-'));
const wrapper = path.join(dir, 'polluxd');
process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));
fs.writeFileSync(wrapper, `#!/bin/sh\n. '${dir}/limits'\nexec '${polluxd}' "$@"\n`, { mode: 0o755 });
process.env.GEMINI_SIM ??= path.join(path.dirname(polluxd), 'tests/sim/gemini-sim');
process.env.POLLUXD = wrapper;

/** What a shell says before it becomes polluxd: "ulimit -n 1024". */
export function limit(words) {
  fs.writeFileSync(path.join(dir, 'limits'), `${words}\n`);
}
