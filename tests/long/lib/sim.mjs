// tests/sim/gemini-sim as upstream, for load that a scripted Gemini would be too slow for.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { polluxd } from '../../flow/lib/pollux.mjs';
import { until } from '../../flow/lib/wait.mjs';

export const WORDS = 'Hello from the simulator. You said: ';

function program() {
  const places = [process.env.GEMINI_SIM, path.join(path.dirname(polluxd), 'tests/sim/gemini-sim')];
  const found = places.find((p) => p && fs.existsSync(p));
  if (!found) throw new Error(`gemini-sim is not built: none of ${places.filter(Boolean).join(', ')}`);
  return found;
}

/** A running one, which becomes the story's upstream: {url, port}. */
export async function simulator(stage, ...args) {
  const file = path.join(stage.directory(), 'port');
  const child = spawn(program(), ['--port-file', file, ...args], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const sim = stage.keep({
    async close() {
      child.kill('SIGTERM');
      await ended;
    },
  });
  child.once('error', (error) => { sim.failure = error; });
  await until(() => sim.failure || fs.existsSync(file), 'gemini-sim to listen');
  sim.port = Number(fs.readFileSync(file, 'utf8'));
  sim.url = `http://127.0.0.1:${sim.port}`;
  stage.upstream = sim;
  return sim;
}
