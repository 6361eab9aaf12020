// How much memory a process has needed.

import fs from 'node:fs';
import { polluxd } from './pollux.mjs';

export const MIB = 1 << 20;

/** A sanitizer keeps shadows and graves of its own: nothing can be said of memory then. */
export const MEMORY_TELLS = !fs.readFileSync(polluxd).includes('__asan_init');

/** The most that has ever been resident. */
export function peakBytes(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'latin1');
  return 1024 * Number(/^VmHWM:\s*(\d+) kB/m.exec(status)[1]);
}
