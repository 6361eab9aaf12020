// OpenAI's official SDK, unmodified: only base URL and key are ours.

import OpenAI from 'openai';
import {
  assert,
  deferred,
  fault,
  flow,
  PER_DAY,
  PER_MINUTE,
  piece,
  until,
} from '../flow/harness.mjs';
import { openai, refusal } from './sdks.mjs';

const MODEL = 'gemini-2.5-flash';
const HI = { model: MODEL, messages: [{ role: 'user', content: 'hi' }] };

flow('chat.completions.create', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  const { data, request_id: id } = await openai(pollux)
    .chat.completions.create({
      model: MODEL,
      temperature: 0.5,
      max_completion_tokens: 99,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'hi' },
      ],
    })
    .withResponse();

  assert.equal(data.choices[0].message.content, 'Hello');
  assert.equal(data.choices[0].message.role, 'assistant');
  assert.equal(data.choices[0].finish_reason, 'stop');
  assert.equal(data.usage.total_tokens, 112);
  assert.match(id, /^req_/);
  assert.equal(gemini.last.json.systemInstruction.parts[0].text, 'Be brief.');
  assert.deepEqual(gemini.last.json.generationConfig, { temperature: 0.5, maxOutputTokens: 99 });
});

flow('chat.completions.create, streaming', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();

  const stream = await openai(pollux).chat.completions.create({
    ...HI,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);

  assert.equal(chunks.map((c) => c.choices[0]?.delta.content ?? '').join(''), 'Hello');
  assert.equal(chunks[chunks.length - 1].usage.total_tokens, 112);
  assert.equal(
    chunks
      .flatMap((c) => c.choices)
      .map((c) => c.finish_reason)
      .filter(Boolean)
      .join(),
    'stop',
  );
});

flow('chat.completions.stream puts the pieces together', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();

  const stream = openai(pollux).chat.completions.stream({
    ...HI,
    stream_options: { include_usage: true },
  });
  let heard = '';
  stream.on('content', (delta) => {
    heard += delta;
  });
  const whole = await stream.finalChatCompletion();

  assert.equal(heard, 'Hello');
  assert.equal(whole.choices[0].message.content, 'Hello');
  assert.equal(whole.choices[0].finish_reason, 'stop');
  assert.equal((await stream.totalUsage()).total_tokens, 112);
});

flow('each piece is there when it was said', async (t) => {
  const gemini = await t.gemini();
  const next = deferred();
  gemini.anyone.does(async (asked) => {
    await asked.begin();
    await asked.event(piece('one'));
    await next.promise;
    await asked.event(piece('two', { finish: 'STOP' }));
    await asked.end();
  });
  const pollux = await t.pollux();

  const said = [];
  for await (const chunk of await openai(pollux).chat.completions.create({ ...HI, stream: true })) {
    const text = chunk.choices[0].delta.content;
    if (text) said.push(text);
    if (text === 'one') next.resolve();
  }
  assert.deepEqual(said, ['one', 'two']);
});

flow('models.list and models.retrieve', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  const client = openai(pollux);

  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes(MODEL));
  assert.equal((await client.models.retrieve(MODEL)).id, MODEL);
  const error = await refusal(client.models.retrieve('gpt-99'), OpenAI.NotFoundError);
  assert.equal(error.code, 'model_not_found');
});

flow('errors are those that programs catch', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ 'server.max_body': '16 KiB' });
  const client = openai(pollux);
  const create = (fields, options) => client.chat.completions.create({ ...HI, ...fields }, options);

  const stranger = await refusal(
    openai(pollux, { apiKey: 'sk-stranger-of-some-length' }).chat.completions.create(HI),
    OpenAI.AuthenticationError,
  );
  assert.equal(stranger.code, 'invalid_api_key');
  const unknown = await refusal(create({ model: 'gpt-99' }), OpenAI.NotFoundError);
  assert.equal(unknown.code, 'model_not_found');
  const bad = await refusal(create({ temperature: 9 }), OpenAI.BadRequestError);
  assert.equal(bad.param, 'temperature');
  assert.equal(bad.type, 'invalid_request_error');
  assert.match(bad.requestID, /^req_/);
  assert.equal(
    (
      await refusal(
        create({ messages: [{ role: 'user', content: 'x'.repeat(20000) }] }),
        OpenAI.APIError,
      )
    ).status,
    413,
  );
  await refusal(client.post('/nothing/here', { body: {} }), OpenAI.NotFoundError);

  gemini.anyone.answers(400, { message: 'No, for a reason of mine.' });
  assert.match(
    (await refusal(create({}), OpenAI.BadRequestError)).message,
    /No, for a reason of mine\./,
  );
  assert.match(
    (await refusal(create({ stream: true }), OpenAI.BadRequestError)).message,
    /No, for a reason of mine\./,
  );
});

flow('a limit is a RateLimitError, with the time to wait', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(429, { quotaId: PER_MINUTE, retryDelay: '30s' });
  const pollux = await t.pollux({ 'queue.max_wait': '0s' });

  const error = await refusal(openai(pollux).chat.completions.create(HI), OpenAI.RateLimitError);

  assert.equal(error.type, 'rate_limit_error');
  assert.ok(Number(error.headers.get('retry-after')) > 20);
});

flow('the SDK tries again when it was told to, not before', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: PER_MINUTE, retryDelay: '2s' }).behaves();
  const pollux = await t.pollux({ 'queue.max_wait': '0s' });
  const client = openai(pollux, { maxRetries: 5 });

  const answer = await client.chat.completions.create(HI);

  assert.equal(answer.choices[0].message.content, 'Hello');
  assert.equal(client.sent, 2, 'one more time, and that was late enough');
});

flow('the SDK does not try again what will not get better', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1', 'k2'], 'queue.max_wait': '0s' });
  const once = async (kind) => {
    const client = openai(pollux, { maxRetries: 5 });
    const error = await refusal(client.chat.completions.create(HI), kind);
    assert.equal(client.sent, 1, error.message);
    await pollux.thaw();
    return error;
  };

  gemini.anyone.answers(429, { quotaId: PER_DAY });
  assert.equal((await once(OpenAI.RateLimitError)).code, 'insufficient_quota');
  gemini.anyone.answers(500);
  await once(OpenAI.InternalServerError); // Pollux did that already
  gemini.anyone.answers(400);
  await once(OpenAI.BadRequestError);
});

/** What breaks, and the code that programs see. */
const BREAKS = {
  "an error of Gemini's": [
    'overloaded',
    async (asked) => {
      await asked.chunk(`${JSON.stringify(fault(503), null, 2)}\n`);
      await asked.end();
    },
  ],
  "an error of Gemini's in an event": [
    'upstream_error',
    async (asked) => {
      await asked.event(fault(500));
      await asked.end();
    },
  ],
  'an end without a reason': ['upstream_truncated', async (asked) => asked.end()],
  'a cut': ['upstream_truncated', async (asked) => asked.cut()],
  'a reset': ['upstream_truncated', async (asked) => asked.reset()],
};

flow('what breaks in the middle is raised in the middle', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const [name, [code, breaks]] of Object.entries(BREAKS)) {
    const first = deferred();
    gemini.anyone.does(async (asked) => {
      await asked.begin();
      await asked.event(piece('Hel'));
      await first.promise;
      await breaks(asked);
    });
    const client = openai(pollux, { maxRetries: 5 });
    let heard = '';
    const error = await refusal(
      (async () => {
        for await (const chunk of await client.chat.completions.create({ ...HI, stream: true })) {
          heard += chunk.choices[0].delta.content ?? '';
          if (heard) first.resolve();
        }
      })(),
      OpenAI.APIError,
    );
    assert.equal(heard, 'Hel', name);
    assert.ok(error.message, name);
    assert.equal(error.type, 'server_error', name);
    assert.equal(error.code, code, name);
    assert.equal(client.sent, 1, name);
    await pollux.thaw();
  }
});

flow('a program that gives up stops Gemini', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.does(async (asked) => {
    if (!asked.streams) return;
    await asked.begin();
    await asked.event(piece('one'));
  });
  const pollux = await t.pollux();
  const client = openai(pollux);

  for await (const chunk of await client.chat.completions.create({ ...HI, stream: true })) {
    if (chunk.choices[0].delta.content) break;
  }
  await gemini.requests[0].aborted();

  const abort = new AbortController();
  const asking = client.chat.completions.create(HI, { signal: abort.signal });
  await gemini.request(2);
  abort.abort();
  await refusal(asking, OpenAI.APIUserAbortError);
  await gemini.requests[1].aborted();
});

flow('many at once', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.does((asked) => {
    const said = asked.json.contents[0].parts[0].text;
    return asked.streams
      ? asked.stream(piece(said), piece('!', { finish: 'STOP' }))
      : asked.whole(200, piece(`${said}!`, { finish: 'STOP' }));
  });
  const pollux = await t.pollux();
  const client = openai(pollux);

  await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const body = { model: MODEL, messages: [{ role: 'user', content: `n${i}` }] };
      if (i % 2) {
        assert.equal(
          (await client.chat.completions.create(body)).choices[0].message.content,
          `n${i}!`,
        );
      } else {
        let heard = '';
        for await (const c of await client.chat.completions.create({ ...body, stream: true }))
          heard += c.choices[0].delta.content ?? '';
        assert.equal(heard, `n${i}!`);
      }
    }),
  );
  await until(async () => (await pollux.counts()).fetches === 0, 'all calls to end');
});

flow('a fault of the request names its place', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const client = openai(pollux);
  const part = (content) => ({ messages: [{ role: 'user', content: [content] }] });
  const faults = [
    [{ temperature: 3 }, 'temperature'],
    [{ n: 9 }, 'n'],
    [{ stop: ['a', 'b', 'c', 'd', 'e', 'f'] }, 'stop'],
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'wizard', content: 'x' }] }, 'messages[0].role'],
    [part({ type: 'hologram' }), 'messages[0].content[0].type'],
    [
      part({ type: 'image_url', image_url: { url: 'data:image/png;base64,@@' } }),
      'messages[0].content[0].image_url.url',
    ],
    [{ tools: [{ type: 'function', function: {} }] }, 'tools[0].function.name'],
    [{ response_format: { type: 'json_schema' } }, /^response_format/],
    [{ reasoning_effort: 'colossal' }, 'reasoning_effort'],
  ];

  for (const [fields, param] of faults) {
    const asking = client.chat.completions.create({ ...HI, ...fields });
    const error = await refusal(asking, OpenAI.BadRequestError);
    const said = `${JSON.stringify(fields)}: ${error.message}`;
    if (param instanceof RegExp) assert.match(error.param, param, said);
    else assert.equal(error.param, param, said);
    assert.equal(error.type, 'invalid_request_error', said);
    assert.equal(error.code, 'invalid_value', said);
  }
  assert.equal(gemini.asked, 0);

  const message = 'The input token count (9) exceeds the maximum number of tokens allowed (8).';
  gemini.anyone.answers(400, { message });
  const long = await refusal(client.chat.completions.create(HI), OpenAI.BadRequestError);
  assert.equal(long.code, 'context_length_exceeded');
  assert.ok(long.message.includes(message));
});

flow('x-should-retry is what the SDK goes by', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(503, { message: 'The model is overloaded.' });
  const pollux = await t.pollux({ 'queue.max_wait': '0s' });
  const client = openai(pollux, { maxRetries: 3 });

  const error = await refusal(client.chat.completions.create(HI), OpenAI.InternalServerError);

  assert.equal(error.headers.get('x-should-retry'), 'false');
  assert.equal(client.sent, 1, 'Pollux has tried already');
  assert.equal(error.type, 'server_error');
});
