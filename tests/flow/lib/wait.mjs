// Waiting on conditions.  Nothing here measures time: the bounds only turn a hang into a failure.

const SLOW_MS = 1000 * Number(process.env.POLLUX_FLOW_PATIENCE_S ?? 30);
const LOOK_MS = 10;

/** A promise with its two handles outside. */
export function deferred() {
  const d = {};
  d.promise = new Promise((resolve, reject) => Object.assign(d, { resolve, reject }));
  d.promise.catch(() => {});
  return d;
}

/** The promise, or a failure that says what was waited for. */
export async function inTime(promise, what, ms = SLOW_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`waited in vain for ${typeof what === 'function' ? what() : what}`)),
      ms,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks until the condition gives something true, and gives that. */
export async function until(condition, what) {
  let over = false;
  const look = async () => {
    for (;;) {
      const found = await condition();
      if (found || over) return found;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  };
  try {
    return await inTime(look(), what);
  } finally {
    over = true;
  }
}

/** Until the emitter says one of these; nothing of the waiting stays with it. */
export function happens(emitter, ...names) {
  return new Promise((resolve) => {
    const over = (name) => () => {
      for (const n of names) emitter.off(n, listeners[n]);
      resolve(name);
    };
    const listeners = Object.fromEntries(names.map((name) => [name, over(name)]));
    for (const name of names) emitter.on(name, listeners[name]);
  });
}
