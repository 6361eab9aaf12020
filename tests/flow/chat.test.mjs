// OpenAI's chat completions and models: what goes to Gemini, and what comes back.

import { assert, flow, piece, pieces, USAGE } from './harness.mjs';

flow('a chat is answered', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  const { status, json, headers } = await pollux.chat('hi');

  assert.equal(status, 200);
  assert.match(headers['content-type'], /^application\/json/);
  assert.match(json.id, /^chatcmpl-/);
  assert.equal(json.object, 'chat.completion');
  assert.equal(json.model, 'gemini-2.5-flash');
  assert.ok(Number.isInteger(json.created));
  assert.equal(json.choices.length, 1);
  assert.equal(json.choices[0].index, 0);
  assert.equal(json.choices[0].finish_reason, 'stop');
  assert.equal(json.choices[0].message.role, 'assistant');
  assert.equal(json.choices[0].message.content, 'Hello');
  assert.equal(json.usage.prompt_tokens, 7);
  assert.equal(json.usage.completion_tokens, 105, 'thoughts are paid for, too');
  assert.equal(json.usage.total_tokens, 112);
  assert.equal(json.usage.completion_tokens_details.reasoning_tokens, 100);
  assert.equal(gemini.last.target, '/v1beta/models/gemini-2.5-flash:generateContent');
});

flow('system, user and assistant reach Gemini, and so does every sampling field', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  const answer = await pollux.chat(
    [
      { role: 'system', content: 'Be brief.' },
      { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'One "quoted"' },
          { type: 'text', text: ' {two}' },
        ],
      },
      { role: 'assistant', content: 'Ünïcode 🦉' },
      { role: 'user', content: 'line\nbreak\u0000\\' },
    ],
    {
      temperature: 0.3,
      top_p: 0.9,
      top_k: 40,
      n: 2,
      stop: ['END', '', 'STOP'],
      seed: 4294967297,
      max_completion_tokens: 100,
      max_tokens: 50,
      presence_penalty: 2,
      frequency_penalty: -0.5,
      logprobs: true,
      top_logprobs: 3,
      response_format: { type: 'json_object' },
    },
  );

  assert.equal(answer.status, 200, answer.body);
  assert.deepEqual(gemini.last.json, {
    contents: [
      { role: 'user', parts: [{ text: 'One "quoted"' }, { text: ' {two}' }] },
      { role: 'model', parts: [{ text: 'Ünïcode 🦉' }] },
      { role: 'user', parts: [{ text: 'line\nbreak\u0000\\' }] },
    ],
    systemInstruction: { parts: [{ text: 'Be brief.' }, { text: 'Be kind.' }] },
    generationConfig: {
      temperature: 0.3,
      topP: 0.9,
      topK: 40,
      candidateCount: 2,
      stopSequences: ['END', 'STOP'],
      seed: 1,
      maxOutputTokens: 100,
      presencePenalty: 1.99,
      frequencyPenalty: -0.5,
      responseLogprobs: true,
      logprobs: 3,
      responseMimeType: 'application/json',
    },
  });
});

flow('fields that are null are fields that are not there', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  await pollux.chat('hi', {
    temperature: null,
    top_p: null,
    n: null,
    stop: null,
    seed: null,
    max_tokens: null,
    response_format: null,
    tools: null,
    stream_options: null,
    user: 'me',
  });

  assert.deepEqual(gemini.last.json, { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] });
});

flow('a stream has its role first, its reason once, and [DONE] last', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.sends(piece('Hel', { finish: 'STOP', usage: USAGE }), ...pieces('lo', '!'));
  const pollux = await t.pollux();

  const answer = await pollux.chat('hi', { stream: true });

  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type'], /^text\/event-stream/);
  assert.equal(answer.text, 'Hello!');
  assert.ok(answer.done);
  const choices = answer.chunks.map((c) => c.choices[0]);
  assert.equal(choices[0].delta.role, 'assistant');
  assert.deepEqual(choices.map((c) => c.finish_reason).filter(Boolean), ['stop']);
  assert.equal(choices[choices.length - 1].finish_reason, 'stop');
  assert.ok(
    answer.chunks.every((c) => !('usage' in c)),
    'nobody asked for usage',
  );
  assert.ok(
    answer.chunks.every(
      (c) => c.object === 'chat.completion.chunk' && c.id === answer.chunks[0].id,
    ),
  );
  assert.equal(gemini.last.target, '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse');
});

flow('usage comes once, behind the choices, when it is asked for', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();

  const { chunks, done } = await pollux.chat('hi', { stream: true, usage: true });

  const last = chunks.pop();
  assert.ok(done);
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.prompt_tokens, 7);
  assert.equal(last.usage.completion_tokens, 105);
  assert.equal(last.usage.total_tokens, 112);
  assert.ok(chunks.every((c) => c.usage === null));
});

const REASONS = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content_filter',
  RECITATION: 'content_filter',
  BLOCKLIST: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
  SPII: 'content_filter',
};

flow("Gemini's reasons to stop are OpenAI's, on the last chunk alone", async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  for (const [native, reason] of Object.entries(REASONS)) {
    gemini.anyone.gives(piece('text', { finish: native }));
    for (const stream of [false, true]) {
      const answer = await pollux.chat('hi', { stream });
      assert.equal(answer.finish, reason, native);
      assert.equal(answer.text, 'text');
    }
  }
});

flow('a candidate that only says why it stopped is a choice', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.gives({ candidates: [{ finishReason: 'SAFETY', index: 0 }], usageMetadata: USAGE });
  const pollux = await t.pollux();

  for (const stream of [false, true]) {
    const answer = await pollux.chat('hi', { stream });
    assert.equal(answer.status, 200);
    assert.equal(answer.finish, 'content_filter');
  }
  assert.equal(gemini.asked, 2, 'and nothing is tried again');
});

flow('a blocked prompt is an answer that was filtered', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.gives({
    promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
    usageMetadata: { promptTokenCount: 7 },
  });
  const pollux = await t.pollux();

  for (const stream of [false, true]) {
    const answer = await pollux.chat('hi', { stream });
    assert.equal(answer.status, 200);
    assert.equal(answer.finish, 'content_filter');
    assert.equal(answer.error, undefined);
    if (stream) assert.ok(answer.done);
  }
  assert.equal(gemini.asked, 2);
});

flow('several candidates are several choices, however they interleave', async (t) => {
  const gemini = await t.gemini();
  const of = (index, text, finish) => ({
    candidates: [
      { index, content: { parts: [{ text }] }, ...(finish ? { finishReason: finish } : {}) },
    ],
  });
  gemini.anyone.sends(of(1, 'b1'), of(0, 'a1'), of(1, 'b2', 'MAX_TOKENS'), of(0, 'a2', 'STOP'));
  const pollux = await t.pollux();

  const { chunks, done } = await pollux.chat('hi', { stream: true, n: 2 });

  const choices = chunks.flatMap((c) => c.choices);
  const text = (i) =>
    choices
      .filter((c) => c.index === i)
      .map((c) => c.delta.content ?? '')
      .join('');
  const finish = (i) =>
    choices
      .filter((c) => c.index === i)
      .map((c) => c.finish_reason)
      .filter(Boolean);
  assert.equal(text(0), 'a1a2');
  assert.equal(text(1), 'b1b2');
  assert.deepEqual([finish(0), finish(1)], [['stop'], ['length']]);
  assert.ok(done);
});

flow('text arrives as it was said', async (t) => {
  const gemini = await t.gemini();
  const said =
    'braces } { ] [ and "quotes" \\ data: x\n\ndata: [DONE]\n\n' +
    '\u0000\u2028 ünï 🦉🏳️‍🌈 \ud83d\ude00 </script>';
  gemini.anyone.says(said);
  const pollux = await t.pollux();

  assert.equal((await pollux.chat('hi')).text, said);
  assert.equal((await pollux.chat('hi', { stream: true })).text, said);
});

flow('thoughts are told apart from the answer', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.gives({
    candidates: [
      {
        index: 0,
        finishReason: 'STOP',
        content: { parts: [{ text: 'hmm', thought: true }, { text: 'Yes' }] },
      },
    ],
  });
  const pollux = await t.pollux();

  assert.equal((await pollux.chat('hi')).text, 'Yes');
  assert.equal((await pollux.chat('hi', { stream: true })).text, 'Yes');
});

flow('what has no effect is named', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();

  const plain = await pollux.chat('hi');
  const { headers } = await pollux.chat('hi', {
    logit_bias: { 50256: -100 },
    verbosity: 'low',
    store: false,
  });

  assert.equal(plain.headers['x-pollux-ignored'], undefined);
  assert.deepEqual(headers['x-pollux-ignored'].split(', ').sort(), ['logit_bias', 'verbosity']);
});

flow('the doors that a mistaken base URL leads to', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();

  for (const door of [
    '/chat/completions',
    '/v1beta/openai/chat/completions',
    '/v1/chat/completions/',
  ]) {
    const live = await pollux.request('POST', door, { body: pollux.chatBody('hi') });
    assert.equal(live.json.choices[0].message.content, 'Hello', door);
  }
});

flow('models, listed and single, in the shape that the caller knows', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  const goog = { key: null, headers: { 'x-goog-api-key': pollux.clientKey } };

  const list = (await pollux.get('/v1/models')).json;
  assert.equal(list.object, 'list');
  assert.deepEqual(
    list.data.map((m) => [m.id, m.object]),
    ['gemini-2.5-flash', 'gemini-2.5-flash-lite', 'gemini-2.5-pro']
      .flatMap((m) => [m, `${m}-search`])
      .map((m) => [m, 'model']),
  );
  const one = (await pollux.get('/v1/models/gemini-2.5-pro')).json;
  assert.deepEqual([one.id, one.object], ['gemini-2.5-pro', 'model']);
  assert.equal((await pollux.get('/v1/models/models/gemini-2.5-pro')).json.id, 'gemini-2.5-pro');

  assert.equal(
    (await pollux.get('/v1/models', goog)).json.models[0].name,
    'models/gemini-2.5-flash',
  );
  assert.equal(
    (await pollux.get('/v1/models/gemini-2.5-pro', goog)).json.name,
    'models/gemini-2.5-pro',
  );
  const byQuery = await pollux.get(`/v1/models?key=${encodeURIComponent(pollux.clientKey)}`, {
    key: null,
  });
  assert.equal(byQuery.json.models.length, 3);
});

flow('a model that nobody knows is a 404 that says so', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  const chat = await pollux.chat('hi', { model: 'gpt-99' });
  assert.equal(chat.status, 404);
  assert.equal(chat.error.code, 'model_not_found');
  assert.equal(chat.error.type, 'invalid_request_error');
  const one = await pollux.get('/v1/models/gpt-99');
  assert.equal(one.status, 404);
  assert.equal(one.json.error.code, 'model_not_found');
  const native = await pollux.native('generateContent', {}, { model: 'gpt-99' });
  assert.equal(native.status, 404);
  assert.equal(native.json.error.status, 'NOT_FOUND');

  const asked = gemini.asked;
  const odd = await pollux.chat('hi', { model: 'models/../../secret?x=1' });
  assert.equal(odd.status, 404, 'and what is no name goes nowhere');
  assert.equal(gemini.asked, asked);
});

flow('a model may have another name here, or none', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({
    config: `
    model "fast" { alias = "gemini-2.5-flash" }
    model "gemini-2.5-pro" { enabled = no }
  `,
  });

  const { json } = await pollux.chat('hi', { model: 'fast' });
  assert.equal(json.model, 'fast');
  assert.equal(gemini.last.path, '/v1beta/models/gemini-2.5-flash:generateContent');
  assert.equal((await pollux.native('countTokens', {}, { model: 'fast' })).status, 200);

  const off = await pollux.chat('hi', { model: 'gemini-2.5-pro' });
  assert.equal(off.status, 404);
  assert.equal(gemini.asked, 2);
});
