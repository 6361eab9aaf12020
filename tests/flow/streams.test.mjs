// Streams: a chunk goes out when it comes in, the client sets the pace, and what breaks in the
// middle is told in the middle.
//
// Lessons #36, #39 and #58; faults (b) and (c) of a popular peer.

import {
  assert,
  deferred,
  event,
  fault,
  flow,
  piece,
  pieces,
  readChat,
  readEvents,
  until,
} from './harness.mjs';

const SSE = { query: '?alt=sse' };

flow('a chunk goes out when it comes in', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const open of [
    () => pollux.openChat('hi', { stream: true }),
    () => pollux.openNative('streamGenerateContent', {}, SSE),
    () => pollux.openNative('streamGenerateContent', {}),
  ]) {
    const next = deferred(),
      end = deferred();
    gemini.anyone.does(async (asked) => {
      const say = (p, mark) =>
        asked.wantsEvents ? asked.event(p) : asked.chunk(`${mark}${JSON.stringify(p)}`);
      await asked.begin();
      await say(piece('one '), '[');
      await next.promise;
      await say(piece('two'), ',');
      await end.promise;
      await say(piece('.', { finish: 'STOP' }), ',');
      if (!asked.wantsEvents) await asked.chunk(']');
      await asked.end();
    });
    const live = await open();
    await live.until('one ');
    next.resolve(); // only now does Gemini say more
    await live.until('two');
    end.resolve();
    await live.end();
    assert.ok(!live.wasCutOff);
  }
});

/* How an answer that has begun may break. */
const BREAKS = {
  'cut off': async (asked) => asked.cut(),
  reset: async (asked) => asked.reset(),
  'ended without a reason': async (asked) => asked.end(),
  'a bare error': async (asked) => {
    await asked.chunk(
      `${JSON.stringify(fault(503, { message: 'The model is overloaded.' }), null, 2)}\n`,
    );
    await asked.end();
  },
  'a bare error in a list': async (asked) => {
    await asked.chunk(`[${JSON.stringify(fault(500))}]`);
    await asked.end();
  },
  'an error as an event': async (asked) => {
    await asked.event(fault(429, { message: 'Quota exceeded' }));
    await asked.end();
  },
  'no event': async (asked) => {
    await asked.chunk('<html>\r\n\r\n');
    await asked.end();
  },
  'no JSON': async (asked) => {
    await asked.chunk('data: {"candidates": oops}\r\n\r\n');
    await asked.end();
  },
  'cut off within an event': async (asked) => {
    await asked.chunk('data: {"candidates": [');
    asked.cut();
  },
  'a broken chunk length': async (asked) => {
    await asked.write('zz\r\n');
    asked.cut();
  },
};

flow('what breaks in the middle is an error event: no [DONE], no second try', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });

  for (const [name, breaks] of Object.entries(BREAKS)) {
    const first = deferred(),
      asked = gemini.asked;
    gemini.anyone.does(async (a) => {
      await a.begin();
      await a.event(piece('Hel'));
      await first.promise;
      await breaks(a);
    });
    const live = await pollux.openChat('hi', { stream: true, usage: true });
    await live.until('Hel');
    first.resolve();
    await live.end();
    const answer = readChat(live);
    assert.equal(answer.status, 200, name);
    assert.equal(answer.text, 'Hel', name);
    assert.ok(answer.error, `${name}: ${answer.body}`);
    assert.ok(answer.error.message && answer.error.type, name);
    assert.ok(!answer.done, name);
    assert.equal(answer.finish, undefined, name);
    assert.equal(answer.chunks[answer.chunks.length - 1].error, answer.error, 'nothing follows it');
    assert.ok(!live.wasCutOff, 'the HTTP of it ends well');
    assert.equal(gemini.asked - asked, 1, name);
    await pollux.thaw();
  }
});

flow("Google's words are those of the error event", async (t) => {
  const gemini = await t.gemini();
  const first = deferred();
  gemini.anyone.does(async (asked) => {
    await asked.begin();
    await asked.event(piece('Hel'));
    await first.promise;
    await asked.chunk(
      `${JSON.stringify(fault(400, { message: 'Something about this very request.' }), null, 2)}\n`,
    );
    await asked.end();
  });
  const pollux = await t.pollux();

  const live = await pollux.openChat('hi', { stream: true });
  await live.until('Hel');
  first.resolve();
  await live.end();

  assert.equal(readChat(live).error.message, 'Something about this very request.');
});

flow("a native stream that breaks ends as Gemini's own would", async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });

  for (const query of ['?alt=sse', '']) {
    for (const name of ['cut off', 'reset', 'a bare error']) {
      const first = deferred(),
        asked = gemini.asked;
      const begin = query ? event(piece('Hel')) : `[${JSON.stringify(piece('Hel'))}`;
      gemini.anyone.does(async (a) => {
        await a.begin();
        await a.chunk(begin);
        await first.promise;
        if (name === 'a bare error')
          await a.chunk(
            `${query ? '' : ',\n'}${JSON.stringify(fault(503))}${query ? '\n' : '\n]'}`,
          );
        if (name === 'a bare error') await a.end();
        else await BREAKS[name](a);
      });
      const live = await pollux.openNative('streamGenerateContent', {}, { query });
      await live.until('Hel');
      first.resolve();
      await live.end();
      const what = `${name} ${query}: ${live.text}`;
      assert.ok(live.text.startsWith(begin), what);
      if (query) {
        const error = JSON.parse(live.text.slice(begin.length)); // bare, as both SDKs look for it
        assert.ok(error.error.code >= 500, what);
      } else {
        const list = live.json;
        assert.ok(list[list.length - 1].error.code >= 500, what);
        assert.equal(list.length, 2, what);
      }
      assert.ok(!live.wasCutOff, what);
      assert.equal(gemini.asked - asked, 1, what);
      await pollux.thaw();
    }
  }
});

flow('what came before an error in the same breath is not lost', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const good = event(piece('Hel'));
  gemini.anyone.does(async (asked) => {
    await asked.begin();
    await asked.chunk(`${good}${JSON.stringify(fault(503))}\n`);
    await asked.end();
  });

  const chat = await pollux.chat('hi', { stream: true });
  assert.equal(chat.text, 'Hel');
  assert.ok(chat.error && !chat.done);
  await pollux.thaw();
  const native = await pollux.native('streamGenerateContent', {}, SSE);
  assert.ok(native.text.startsWith(good), native.text);
  assert.equal(JSON.parse(native.text.slice(good.length)).error.code, 503);
});

flow('a silence in the middle that lasts too long is an error, too', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.does(async (asked) => {
    await asked.begin();
    await asked.event(piece('Hel'));
  });
  const pollux = await t.pollux({ 'upstream.idle_timeout': '200ms' });

  const answer = await pollux.chat('hi', { stream: true });

  assert.equal(answer.text, 'Hel');
  assert.ok(answer.error && !answer.done);
  await gemini.last.aborted();
});

flow('an answer that takes too long in all is an error, however busy it is', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.does(async (asked) => {
    await asked.begin();
    while (await asked.event(piece('on and on ')))
      await new Promise((resolve) => setTimeout(resolve, 20));
  });
  const pollux = await t.pollux({ 'upstream.total_timeout': '500ms' });

  const answer = await pollux.chat('hi', { stream: true });

  assert.match(answer.text, /^(on and on )+$/);
  assert.ok(answer.error && !answer.done);
  await gemini.last.aborted();
});

/* Braces, quotes and characters of several bytes, where a careless reader would trip. */
const TEXTS = ['He said: "{ [', '}\\"] data: é', 'ü🦉\n\nid: ', '!'];
const WHOLE = TEXTS.join('');
const BODIES = {
  CRLF: [
    '?alt=sse',
    pieces(...TEXTS)
      .map((p) => event(p, '\r\n'))
      .join(''),
  ],
  LF: [
    '?alt=sse',
    pieces(...TEXTS)
      .map((p) => event(p, '\n'))
      .join(''),
  ],
  CR: [
    '?alt=sse',
    pieces(...TEXTS)
      .map((p) => event(p, '\r'))
      .join(''),
  ],
  'a list': [
    '',
    `[${pieces(...TEXTS)
      .map((p) => JSON.stringify(p, null, 1))
      .join('\n,\r\n')}\n]`,
  ],
};

/** Calls fn for 0 .. n-1, a few at a time. */
async function spread(n, fn) {
  let next = 0;
  const one = async () => {
    while (next < n) await fn(next++);
  };
  await Promise.all(Array.from({ length: 8 }, one));
}

/** Keys enough that none fails three times in a row between two thaws, and rests for it. */
const ROBUST = {
  keys: Array.from({ length: 30 }, (_, i) => `k${i}`),
  'pool.pick': 'round-robin',
};
const thawNowAndThen = (pollux, n) => n % 10 === 0 && pollux.ctl('keys', 'thaw', '--all');

/** A script whose deed follows from the number that the request's body holds. */
function byNumber(gemini, deed) {
  gemini.anyone.does((asked) => deed(asked, Number(/#(\d+)#/.exec(asked.body.toString())[1])));
}

for (const [name, [query, text]] of Object.entries(BODIES)) {
  flow(`a stream in ${name} may be split anywhere`, async (t) => {
    const gemini = await t.gemini();
    const pollux = await t.pollux();
    const bytes = Buffer.from(text);
    byNumber(gemini, async (asked, at) => {
      await asked.begin();
      if (at > 0) await asked.chunk(bytes.subarray(0, at));
      await asked.chunk(bytes.subarray(at));
      await asked.end();
    });

    await spread(bytes.length, async (at) => {
      if (query) {
        const chat = await pollux.chat(`#${at}#`, { stream: true });
        assert.equal(chat.text, WHOLE, `split at ${at}`);
        assert.ok(chat.done, `split at ${at}`);
      } else {
        const live = await pollux.native('streamGenerateContent', `{"x":"#${at}#"}`, { query });
        assert.equal(live.text, text, `split at ${at}`);
      }
    });
  });
}

flow('a stream may come in single bytes', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const [name, [query, text]] of Object.entries(BODIES)) {
    const bytes = Buffer.from(text);
    gemini.anyone.writes(bytes, { splitAt: Array.from(bytes.keys()) });
    if (query) assert.equal((await pollux.chat('hi', { stream: true })).text, WHOLE, name);
    assert.equal((await pollux.native('streamGenerateContent', {}, { query })).text, text, name);
  }
});

flow('a stream that is cut off anywhere never looks whole', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux(ROBUST);
  const bytes = Buffer.from(BODIES.CRLF[1]);
  const tries = new Map();
  byNumber(gemini, async (asked, at) => {
    const again = tries.has(at);
    tries.set(at, (tries.get(at) ?? 0) + 1);
    await asked.begin();
    if (again) {
      await asked.event(piece('second', { finish: 'STOP' }));
      await asked.end();
      return;
    }
    if (at > 0) await asked.chunk(bytes.subarray(0, at));
    asked.cut();
  });
  const firstEvent = event(piece(TEXTS[0])).length;

  await spread(bytes.length + 1, async (at) => {
    await thawNowAndThen(pollux, at);
    const chat = await pollux.chat(`#${at}#`, { stream: true });
    const what = `cut at ${at}: ${chat.body}`;
    assert.equal(chat.status, 200, what);
    if (tries.get(at) > 1) {
      assert.ok(at < firstEvent, `tried again though it had begun: ${what}`);
      assert.equal(chat.text, 'second', what);
      assert.ok(chat.done, what);
    } else {
      assert.ok(at >= firstEvent - 4, `not tried again though nothing was out: ${what}`);
      assert.ok(chat.error && !chat.done, what);
      assert.ok(WHOLE.startsWith(chat.text), what);
    }
  });
});

flow('an answer that is cut off anywhere is tried again, whole', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux(ROBUST);
  const bytes = Buffer.from(JSON.stringify(piece(WHOLE, { finish: 'STOP' })));
  const seen = new Set();
  byNumber(gemini, async (asked, at) => {
    await asked.begin();
    if (seen.has(at)) {
      await asked.chunk(bytes);
      await asked.end();
      return;
    }
    seen.add(at);
    if (at > 0) await asked.chunk(bytes.subarray(0, at));
    if (at % 2) asked.cut();
    else await asked.end();
  });

  await spread(bytes.length, async (at) => {
    await thawNowAndThen(pollux, at);
    const chat = await pollux.chat(`#${at}#`);
    assert.equal(chat.status, 200, `cut at ${at}: ${chat.body}`);
    assert.equal(chat.text, WHOLE, `cut at ${at}`);
  });
});

flow('a client that reads slowly slows Gemini down, and loses nothing', async (t) => {
  const gemini = await t.gemini();
  const text = 'x'.repeat(32 << 10);
  const COUNT = 2000; // 64 MB in all
  gemini.anyone.does(async (asked) => {
    if (!asked.streams) return asked.whole(200, { totalTokens: 7 });
    await asked.begin();
    for (let i = 0; i < COUNT; i++) if (!(await asked.event(piece(`<${i}>${text}`)))) return null;
    await asked.event(piece('.', { finish: 'STOP' }));
    return asked.end();
  });
  const pollux = await t.pollux({ 'server.workers': 1 });
  const live = await pollux.openChat('hi', { stream: true }, { reads: false });
  const upstream = await gemini.request(1);

  /* It stands still when nothing moves while others are served. */
  let before = -1;
  await until(
    async () => {
      const still = upstream.written > 0 && upstream.written === before;
      before = upstream.written;
      for (let i = 0; i < 5; i++)
        assert.equal((await pollux.native('countTokens', {})).status, 200);
      return still;
    },
    () => `Gemini to be slowed down; it wrote ${upstream.written}`,
  );
  assert.ok(
    upstream.written < (COUNT * (32 << 10)) / 2,
    `${upstream.written} bytes were taken that nobody reads`,
  );

  live.readOn();
  await live.end();
  const answer = readChat(live);
  assert.ok(answer.done);
  assert.equal(answer.chunks.filter((c) => c.choices[0].delta.content).length, COUNT + 1);
  assert.ok(
    answer.chunks.every(
      (c, i) => i < 1 || i > COUNT || c.choices[0].delta.content.startsWith(`<${i - 1}>`),
    ),
    'in order',
  );
});

flow('requests behind a stream on its connection do not cost its end', async (t) => {
  const gemini = await t.gemini();
  const first = deferred();
  gemini.anyone.does(async (asked) => {
    await asked.begin();
    await asked.event(piece('one'));
    await first.promise;
    await asked.event(piece('z'.repeat(300000), { finish: 'STOP' }));
    await asked.end();
  });
  const pollux = await t.pollux();
  const raw = await pollux.dial();
  await raw.send(pollux.chatBytes('hi', { stream: true }));
  await raw.until(/one/);
  await raw.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20));
  first.resolve();

  await raw.closed();
  assert.equal(raw.error, null, 'closed, not reset');
  assert.match(raw.text, /data: \[DONE\][\r\n0-9a-f]*$/);
});

flow('HTTP/1.0 gets a stream, too', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  const raw = await pollux.dial();
  await raw.send(pollux.chatBytes('hi', { stream: true }, undefined, '1.0'));

  await raw.closed();
  const [head, events] = raw.text.split('\r\n\r\n', 2);
  assert.doesNotMatch(head, /chunked/i);
  assert.ok(events.startsWith('data: {'));
  assert.equal(readEvents(raw.text.slice(head.length + 4)).pop().data, '[DONE]');
});

/* What says nothing is held back, since another credential may do better; but not all of it. */
flow('a native stream begins at the latest when a megabyte of it came', async (t) => {
  const gemini = await t.gemini();
  const comments = ': nothing to say\n'.repeat(1 << 17);
  gemini.for('k1').does(async (asked) => {
    await asked.begin();
    await asked.event({});
    await asked.chunk(comments);
    for (let i = 0; i < 2; i++) await asked.event({});
    /* No more comes until the client has seen it. */
  });
  const pollux = await t.pollux();

  const said = { contents: [{ parts: [{ text: 'hi' }] }] };
  const live = await pollux.openNative('streamGenerateContent', said, SSE);
  assert.equal(live.status, 200);
  await until(() => live.bytes > comments.length, 'what was held back');
  live.leave();
  await (await gemini.request(1)).aborted();
  await pollux.counted('fetches', (n) => n === 0);
});
