// What comes back: every reason to end, every kind of nothing, what breaks in the middle, silence,
// and what it all cost.
//
// Lessons #37 to #44, #51 to #53, #55, #56 and #58; faults (b) to (d), (f) and (l) of a popular
// peer.

import {
  assert,
  deferred,
  event,
  fault,
  flow,
  PER_MINUTE,
  piece,
  readChat,
  readEvents,
  USAGE,
} from './harness.mjs';
import { call, tool, turn } from './lib/parts.mjs';

/* ---- reasons ---- */

/* Mapping section 7.  Lessons #37, #42: a reason is always a choice. */
const REASONS = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content_filter',
  RECITATION: 'content_filter',
  LANGUAGE: 'content_filter',
  BLOCKLIST: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
  SPII: 'content_filter',
  IMAGE_SAFETY: 'content_filter',
  IMAGE_PROHIBITED_CONTENT: 'content_filter',
  IMAGE_RECITATION: 'content_filter',
  MALFORMED_FUNCTION_CALL: 'stop',
  UNEXPECTED_TOOL_CALL: 'stop',
  TOO_MANY_TOOL_CALLS: 'stop',
  MALFORMED_RESPONSE: 'stop',
  MISSING_THOUGHT_SIGNATURE: 'stop',
  OTHER: 'stop',
  NO_IMAGE: 'stop',
  IMAGE_OTHER: 'stop',
  CONTINUATION: 'length',
  NEXT_YEARS_REASON: 'stop',
};

const nativeReason = (answer) => {
  const choices = answer.json
    ? answer.json.choices.map((c) => c.message)
    : answer.chunks.flatMap((c) => c.choices.map((x) => x.delta));
  return choices.map((c) => c.extra_content?.google).find((g) => g?.finish_reason);
};

flow('every reason of Gemini is one of OpenAI, with the text that came before it', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const [native, reason] of Object.entries(REASONS)) {
    gemini.anyone.gives(
      turn([{ text: 'so far' }], { finish: native, candidate: { finishMessage: 'because' } }),
    );
    for (const stream of [false, true]) {
      const answer = await pollux.chat('hi', { stream });
      assert.equal(answer.status, 200, native);
      assert.equal(answer.finish, reason, native);
      assert.equal(answer.text, 'so far', native);
      if (stream) assert.ok(answer.done, native);
      if (!['STOP', 'MAX_TOKENS'].includes(native))
        assert.deepEqual(
          nativeReason(answer),
          { finish_reason: native, finish_message: 'because' },
          native,
        );
    }
  }
});

flow('nothing but a reason is a choice too, after one more try where that may help', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });

  for (const [native, reason] of Object.entries(REASONS)) {
    gemini.anyone.gives({
      candidates: [{ finishReason: native, index: 0 }],
      usageMetadata: { promptTokenCount: 7, totalTokenCount: 7 },
    });
    for (const stream of [false, true]) {
      const asked = gemini.asked;
      const answer = await pollux.chat('hi', { stream });
      assert.equal(answer.status, 200, `${native}: ${answer.body}`);
      assert.equal(answer.finish, reason, native);
      assert.equal(answer.text ?? '', '');
      if (!stream)
        assert.equal(
          answer.json.choices[0].message.content,
          reason === 'content_filter' ? null : '',
          native,
        );
      const tries = gemini.asked - asked;
      assert.ok(tries <= 2, `${native}: ${tries}`);
      if (reason === 'content_filter' || reason === 'length')
        assert.equal(tries, 1, `${native} is not tried again`);
      await pollux.thaw();
    }
  }
});

/* Lessons #38, #43. */
flow('a call that Gemini could not spell is asked for once more', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });
  const bad = {
    candidates: [{ finishReason: 'MALFORMED_FUNCTION_CALL', finishMessage: 'print(' }],
  };

  for (const stream of [false, true]) {
    gemini.anyone
      .gives(bad)
      .gives(turn([call('now', {})]))
      .gives(bad);
    const asked = gemini.asked;
    const answer = await pollux.chat('hi', { stream, tools: [tool('now', {})] });
    assert.equal(answer.finish, 'tool_calls', answer.body);
    assert.equal(gemini.asked - asked, 2);
    await pollux.thaw();

    const again = await pollux.chat('hi', { stream, tools: [tool('now', {})] });
    assert.equal(again.status, 200);
    assert.equal(again.finish, 'stop');
    assert.equal(nativeReason(again).finish_reason, 'MALFORMED_FUNCTION_CALL');
    assert.equal(gemini.asked - asked, 4, 'and no oftener');
    await pollux.thaw();
  }
});

/* Lesson #38: A-48. */
flow('no candidate at all: once more, and then a 502', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1', 'k2', 'k3'] });

  for (const stream of [false, true]) {
    gemini.anyone
      .gives({ usageMetadata: { promptTokenCount: 7 } })
      .says('Hello')
      .gives({});
    assert.equal((await pollux.chat('hi', { stream })).text, 'Hello');
    await pollux.thaw();
    const asked = gemini.asked;
    const nothing = await pollux.chat('hi', { stream });
    assert.equal(nothing.status, 502, nothing.body);
    assert.equal(nothing.error.type, 'server_error');
    assert.equal(gemini.asked - asked, 2);
    await pollux.thaw();
  }
});

/* Lesson #39, #44: the last reason counts, and an empty last chunk is a chunk. */
flow('a reason on every chunk ends nothing, and one behind the calls is theirs', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  gemini.anyone.sends(
    turn([{ text: 'a' }], { finish: 'STOP' }),
    turn([{ text: 'b' }], { finish: 'STOP' }),
    turn([call('now', {})], { finish: null }),
    turn([{ text: '' }], { finish: 'STOP' }),
    { usageMetadata: USAGE },
  );
  const answer = await pollux.chat('hi', { stream: true, usage: true, tools: [tool('now', {})] });
  assert.equal(answer.text, 'ab');
  const ends = answer.chunks.flatMap((c) => c.choices.map((x) => x.finish_reason)).filter(Boolean);
  assert.deepEqual(ends, ['tool_calls']);
  assert.equal(answer.usage.total_tokens, 112);
});

/* ---- blocked prompts ---- */

const BLOCKED = {
  promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
  usageMetadata: { promptTokenCount: 7, totalTokenCount: 7 },
};

/* Fault (f), lesson #42; A-11. */
flow(
  'a blocked prompt: a choice that was filtered, or an error where the operator prefers it',
  async (t) => {
    const gemini = await t.gemini();
    gemini.anyone.gives(BLOCKED);
    const pollux = await t.pollux({ keys: ['k1', 'k2'] });

    for (const stream of [false, true]) {
      const answer = await pollux.chat('hi', { stream, usage: stream });
      assert.equal(answer.status, 200);
      assert.equal(answer.error, undefined);
      assert.equal(answer.finish, 'content_filter');
      const messages = answer.json
        ? [answer.json.choices[0].message]
        : answer.chunks.flatMap((c) => c.choices.map((x) => x.delta));
      assert.deepEqual(messages.map((m) => m.refusal).filter(Boolean), [
        'The prompt was blocked: PROHIBITED_CONTENT',
      ]);
      if (answer.json) assert.equal(messages[0].content, null);
      assert.equal(answer.usage.prompt_tokens, 7);
    }
    assert.equal(gemini.asked, 2, 'nobody else is asked');

    await pollux.restart({ settings: { 'dialect.blocked_prompt': 'error400' } });
    for (const stream of [false, true]) {
      const answer = await pollux.chat('hi', { stream });
      assert.equal(answer.status, 400, answer.body);
      assert.equal(answer.error.type, 'invalid_request_error');
      assert.equal(answer.error.code, 'content_policy_violation');
      assert.match(answer.error.message, /PROHIBITED_CONTENT/);
    }
    const native = await pollux.native('generateContent', {});
    assert.deepEqual(native.json, BLOCKED, 'native answers are what they are');
  },
);

/* ---- what breaks in the middle ---- */

flow('a stream that ends without a reason was cut off, and says so', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.sends(piece('Hel'));
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });

  const answer = await pollux.chat('hi', { stream: true, usage: true });

  assert.equal(answer.status, 200);
  assert.equal(answer.text, 'Hel');
  assert.equal(answer.error.type, 'server_error');
  assert.equal(answer.error.code, 'upstream_truncated');
  assert.equal(answer.error.param, null);
  assert.ok(!answer.done);
  assert.equal(answer.finish, undefined);
  assert.equal(gemini.asked, 1);

  gemini.anyone.sends(turn([call('now', {})], { finish: null }));
  const calls = await pollux.chat('hi', { stream: true, tools: [tool('now', {})] });
  assert.equal(calls.finish, 'tool_calls', 'a call is whole when it is there');
  assert.ok(calls.done);
});

flow('an error in the middle has the four keys that SDKs look for', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const [code, type] of [
    [503, 'server_error'],
    [400, 'invalid_request_error'],
    [499, 'server_error'],
  ]) {
    gemini.anyone.does(async (asked) => {
      await asked.begin();
      await asked.event(piece('Hel'));
      await asked.chunk(JSON.stringify(fault(code, { message: 'over' }), null, 2));
      await asked.end();
    });
    const answer = await pollux.chat('hi', { stream: true });
    assert.equal(answer.text, 'Hel');
    assert.deepEqual(Object.keys(answer.error).sort(), ['code', 'message', 'param', 'type']);
    assert.equal(answer.error.type, type, `${code}`);
    assert.ok(!answer.done);
    await pollux.thaw();
  }
});

/* Fault (l); gemini errors: a spent key says for how long. */
flow('a limit is a 429 with the time to wait, and no 5xx', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(429, { quotaId: PER_MINUTE, retryDelay: '40s' });
  const pollux = await t.pollux({ 'queue.max_wait': '0s' });

  for (const stream of [false, true]) {
    const answer = await pollux.chat('hi', { stream });
    assert.equal(answer.status, 429);
    assert.ok(Number(answer.headers['retry-after']) > 30);
    assert.ok(Number(answer.headers['retry-after-ms']) > 30000);
    assert.equal(answer.error.code, 'rate_limit_exceeded');
  }
});

/* ---- silence ---- */

/* Lessons #55, #56, #58: comments keep OpenAI's streams alive; Google's SDKs choke on them. */
flow('a long silence is filled on OpenAI streams, and on no other answer', async (t) => {
  const gemini = await t.gemini();
  const go = deferred();
  gemini.anyone.does(async (asked) => {
    await go.promise;
    if (asked.path.endsWith('/interactions'))
      return asked.whole(200, 'data: {}\n\n', { 'Content-Type': 'text/event-stream' });
    const said = piece('Hello', { finish: 'STOP', usage: USAGE });
    return asked.streams ? asked.stream(said) : asked.whole(200, said);
  });
  const pollux = await t.pollux();

  const others = [
    pollux.request('POST', '/v1/chat/completions', { body: pollux.chatBody('hi') }),
    pollux.native('streamGenerateContent', {}, { query: '?alt=sse' }),
    pollux.native('streamGenerateContent', {}),
    pollux.native('generateContent', {}),
    pollux.request('POST', '/v1beta/interactions', { body: '{"stream":true}' }),
  ];
  await gemini.request(others.length);
  const openai = await pollux.openChat('hi', { stream: true });
  await openai.until(': keep-alive'); // the others have been waiting for longer
  assert.match(openai.headers['content-type'], /^text\/event-stream/);
  go.resolve();

  await openai.end();
  const answer = readChat(openai);
  assert.equal(answer.text, 'Hello');
  assert.ok(answer.done);
  const [plain, sse, list, unary, interactions] = await Promise.all(others);
  assert.equal(plain.json.choices[0].message.content, 'Hello');
  assert.equal(sse.text, event(piece('Hello', { finish: 'STOP', usage: USAGE })));
  assert.equal(list.json.length, 1);
  assert.equal(unary.json.candidates[0].content.parts[0].text, 'Hello');
  assert.equal(interactions.text, 'data: {}\n\n');
  for (const live of [plain, sse, list, unary, interactions]) assert.doesNotMatch(live.text, /^:/m);
});

/* ---- usage ---- */

/* Lessons #51 to #53, fault (d). */
flow(
  'tokens: cached ones inside the prompt, thoughts inside the answer, and nothing twice',
  async (t) => {
    const gemini = await t.gemini();
    const usage = {
      promptTokenCount: 100,
      cachedContentTokenCount: 64,
      toolUsePromptTokenCount: 10,
      candidatesTokenCount: 5,
      thoughtsTokenCount: 20,
      totalTokenCount: 135,
      promptTokensDetails: [
        { modality: 'TEXT', tokenCount: 40 },
        { modality: 'IMAGE', tokenCount: 60 },
      ],
    };
    gemini.anyone.does((asked) =>
      asked.streams
        ? asked.stream(
            turn([{ text: 'a' }], {
              finish: null,
              usage: { promptTokenCount: 100, totalTokenCount: 100 },
            }),
            turn([{ text: 'b' }], { finish: 'STOP', usage }),
          )
        : asked.whole(200, turn([{ text: 'ab' }], { usage })),
    );
    const pollux = await t.pollux();
    const expected = {
      prompt_tokens: 110,
      completion_tokens: 25,
      total_tokens: 135,
      prompt_tokens_details: { cached_tokens: 64, image_tokens: 60, text_tokens: 40 },
      completion_tokens_details: { reasoning_tokens: 20 },
    };

    assert.deepEqual((await pollux.chat('hi')).usage, expected);
    const streamed = await pollux.chat('hi', { stream: true, usage: true });
    assert.deepEqual(streamed.usage, expected);
    assert.equal(streamed.chunks.filter((c) => c.usage).length, 1, 'once');
    const silent = await pollux.chat('hi', { stream: true });
    assert.ok(silent.chunks.every((c) => !('usage' in c)));
  },
);

/* Fault (c): the end of a stream is said, whatever kind of answer it was. */
flow('every stream that went well ends in [DONE]', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const chunk of [
    turn([{ text: 'x' }]),
    turn([{ text: '' }]),
    turn([call('now', {})]),
    turn([{ text: 'x' }], { finish: 'SAFETY' }),
    turn([{ inlineData: { mimeType: 'image/png', data: 'QUJD' } }]),
    BLOCKED,
  ]) {
    gemini.anyone.gives(chunk);
    for (const usage of [false, true]) {
      const live = await pollux.openChat('hi', { stream: true, usage, tools: [tool('now', {})] });
      await live.end();
      const events = readEvents(live.text);
      assert.equal(events.filter((e) => e.data === '[DONE]').length, 1);
      assert.equal(events[events.length - 1].data, '[DONE]');
      const { finish } = readChat(live);
      assert.ok(finish, live.text);
    }
  }
});
