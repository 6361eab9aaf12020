// What OpenAI's wire has no or another word for: pictures, sound, thoughts, Google's own fields; and
// what the operator may say about them.
//
// Lessons #45, #62, #63 and #68; fault (g) of a popular peer.

import { assert, flow } from './harness.mjs';
import { tool, turn } from './lib/parts.mjs';

/* ---- pictures and sound ---- */

const PNG = Buffer.from('a picture').toString('base64');

/* Lesson #68. */
flow('pictures come in message.images, as Markdown, or both', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.gives(
    turn([
      { text: 'Look: ' },
      { inlineData: { mimeType: 'image/png', data: PNG } },
      { inlineData: { mimeType: 'image/jpeg', data: PNG } },
    ]),
  );
  const pollux = await t.pollux();
  const url = (type) => `data:image/${type};base64,${PNG}`;
  const images = ['png', 'jpeg'].map((type, index) => ({
    type: 'image_url',
    index,
    image_url: { url: url(type) },
  }));
  const markdown = `Look: ![image](${url('png')})![image](${url('jpeg')})`;

  for (const [setting, expectedImages, expectedText] of [
    ['images', images, 'Look: '],
    ['markdown', undefined, markdown],
    ['both', images, markdown],
  ]) {
    if (setting !== 'images') await pollux.restart({ settings: { 'dialect.image_out': setting } });
    const whole = await pollux.chat('a cat', { model: 'gemini-2.5-flash-image' });
    assert.deepEqual(whole.json.choices[0].message.images, expectedImages, setting);
    assert.equal(whole.text, expectedText, setting);
    assert.deepEqual(gemini.last.json.generationConfig.responseModalities, ['TEXT', 'IMAGE']);

    const streamed = await pollux.chat('a cat', { model: 'gemini-2.5-flash-image', stream: true });
    const told = streamed.chunks.flatMap((c) => c.choices[0]?.delta.images ?? []);
    assert.deepEqual(told, expectedImages ?? [], setting);
    assert.equal(streamed.text, expectedText, setting);
  }
});

flow('sound comes as a file that plays', async (t) => {
  const gemini = await t.gemini();
  const pcm = Buffer.from('0102030405060708', 'hex');
  gemini.anyone.gives(
    turn([
      {
        inlineData: {
          mimeType: 'audio/L16;codec=pcm;rate=24000',
          data: pcm.toString('base64'),
        },
      },
    ]),
  );
  const pollux = await t.pollux();

  const { json } = await pollux.chat('say hi', {
    modalities: ['text', 'audio'],
    audio: { voice: 'Kore', format: 'wav' },
  });
  const { audio } = json.choices[0].message;
  const bytes = Buffer.from(audio.data, 'base64');
  assert.equal(bytes.toString('latin1', 0, 4), 'RIFF');
  assert.equal(bytes.toString('latin1', 8, 12), 'WAVE');
  assert.equal(bytes.readUInt32LE(24), 24000);
  assert.ok(bytes.subarray(44).equals(pcm));
  assert.ok(audio.id && audio.expires_at && audio.transcript === '');
  assert.equal(
    gemini.last.json.generationConfig.speechConfig.voiceConfig.prebuiltVoiceConfig.voiceName,
    'Kore',
  );
  const raw = await pollux.chat('say hi', {
    modalities: ['audio'],
    audio: { voice: 'Kore', format: 'pcm16' },
  });
  assert.equal(raw.json.choices[0].message.audio.data, pcm.toString('base64'));
});

/* ---- what the operator says ---- */

const labelled = (answer) => answer.headers['x-pollux-credential'];

flow('who served an answer is told where the operator allows it', async (t) => {
  const gemini = await t.gemini();
  const said = turn([{ text: 'x' }]);
  gemini.anyone.does((asked) => (asked.streams ? asked.stream(said) : asked.whole(200, said)));
  const pollux = await t.pollux();

  const all = () =>
    Promise.all([
      pollux.chat('hi'),
      pollux.chat('hi', { stream: true }),
      pollux.native('generateContent', {}),
      pollux.native('streamGenerateContent', {}, { query: '?alt=sse' }),
      pollux.request('POST', '/v1beta/models/gemini-2.5-flash:predict', { body: {} }),
    ]);
  for (const answer of await all()) assert.equal(labelled(answer), undefined);

  await pollux.restart({ settings: { 'dialect.show_credential': 'yes' } });
  const { k1 } = await pollux.labels();
  for (const answer of await all()) {
    assert.equal(answer.status, 200);
    assert.equal(labelled(answer), k1);
    assert.ok(!JSON.stringify(answer.headers).includes(t.secret('k1')), 'a label and no secret');
  }
});

const THINKING = turn([{ text: 'Hm.', thought: true }, { text: 'Hello' }]);

/* Lesson #63; A-13. */
flow('thoughts: when they are asked for, always, or never', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.gives(THINKING);
  const pollux = await t.pollux();
  const reasoning = (answer) =>
    answer.json
      ? answer.json.choices[0].message.reasoning_content
      : answer.chunks.map((c) => c.choices[0]?.delta.reasoning_content ?? '').join('') || undefined;
  const asksFor = () => gemini.last.json.generationConfig?.thinkingConfig?.includeThoughts;

  for (const [setting, unasked, asked] of [
    ['auto', undefined, true],
    ['always', true, true],
    ['never', undefined, undefined],
  ]) {
    if (setting !== 'auto') await pollux.restart({ settings: { 'dialect.thoughts': setting } });
    for (const stream of [false, true]) {
      const plain = await pollux.chat('hi', { stream });
      assert.equal(asksFor() || undefined, unasked, setting);
      assert.equal(plain.text, 'Hello');
      const thinking = await pollux.chat('hi', { stream, reasoning_effort: 'low' });
      assert.equal(asksFor() || undefined, asked, setting);
      assert.equal(thinking.text, 'Hello');
      assert.equal(reasoning(thinking), setting === 'never' ? undefined : 'Hm.', setting);
    }
  }
});

/* Fault (g): nothing that a system message says is lost.  A-1. */
flow('a late system message stays in its place, or is put in front', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const talk = [
    { role: 'system', content: 'one' },
    { role: 'user', content: 'hi' },
    { role: 'system', content: 'two' },
    { role: 'user', content: 'there' },
  ];

  await pollux.chat(talk);
  assert.deepEqual(gemini.last.json.systemInstruction.parts, [{ text: 'one' }]);
  const { contents } = gemini.last.json;
  assert.deepEqual(
    contents.flatMap((c) => c.parts.map((p) => p.text)),
    ['hi', 'two', 'there'],
  );
  assert.ok(contents.every((c) => c.role === 'user'));

  await pollux.restart({ settings: { 'dialect.late_system': 'hoist' } });
  await pollux.chat(talk);
  assert.deepEqual(gemini.last.json.systemInstruction.parts, [{ text: 'one' }, { text: 'two' }]);

  await pollux.chat([{ role: 'system', content: 'alone' }]);
  assert.deepEqual(gemini.last.json, { contents: [{ role: 'user', parts: [{ text: 'alone' }] }] });
});

/* */
flow('safety settings: what the program says, else what the operator says', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const own = [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_ONLY_HIGH' }];
  const sent = () => gemini.last.json.safetySettings;

  for (const [setting, threshold] of [
    ['provider', undefined],
    ['off', 'OFF'],
    ['none', 'BLOCK_NONE'],
  ]) {
    if (threshold) await pollux.restart({ settings: { 'dialect.safety_default': setting } });
    await pollux.chat('hi');
    if (threshold) {
      assert.ok(sent().length >= 4, setting);
      assert.ok(sent().every((s) => s.threshold === threshold));
    } else {
      assert.equal(sent(), undefined);
    }
    await pollux.chat('hi', { extra_body: { google: { safety_settings: own } } });
    assert.deepEqual(sent()[0], own[0], setting);
    assert.equal(sent().filter((s) => s.category === own[0].category).length, 1);
    if (!threshold) assert.deepEqual(sent(), own);
  }
});

/* ---- Google's own fields in OpenAI's wire ---- */

/* Lessons #45, #62. */
flow('extra_body.google says what OpenAI has no words for, in either spelling', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const says = async (google) => {
    for (const fields of [{ extra_body: { google } }, { google }]) {
      const answer = await pollux.chat('hi', fields);
      assert.equal(answer.status, 200, answer.body);
    }
    return gemini.last.json;
  };

  for (const config of [
    { thinking_config: { thinking_budget: 512, include_thoughts: true } },
    { thinkingConfig: { thinkingBudget: 512, includeThoughts: true } },
  ])
    assert.deepEqual((await says(config)).generationConfig.thinkingConfig, {
      thinkingBudget: 512,
      includeThoughts: true,
    });
  assert.equal(
    (await says({ cached_content: 'cachedContents/c' })).cachedContent,
    'cachedContents/c',
  );
  const seeded = await pollux.chat('hi', {
    seed: 1,
    temperature: 0.5,
    extra_body: { google: { generation_config: { seed: 2, response_modalities: ['TEXT'] } } },
  });
  assert.equal(seeded.status, 200, seeded.body);
  assert.deepEqual(gemini.last.json.generationConfig, {
    seed: 2,
    temperature: 0.5,
    response_modalities: ['TEXT'],
  });
  assert.equal(
    (await says({ media_resolution: 'MEDIA_RESOLUTION_LOW' })).generationConfig.mediaResolution,
    'MEDIA_RESOLUTION_LOW',
  );

  await pollux.chat('hi', {
    model: 'gemini-3.5-flash',
    google: { thinking_config: { thinking_level: 'LOW' } },
  });
  assert.equal(gemini.last.json.generationConfig.thinkingConfig.thinkingLevel, 'LOW');

  for (const fields of [
    {
      reasoning_effort: 'low',
      extra_body: { google: { thinking_config: { thinking_budget: 1 } } },
    },
    { tools: [tool('a')], extra_body: { google: { cached_content: 'cachedContents/c' } } },
  ]) {
    const answer = await pollux.chat('hi', fields);
    assert.equal(answer.status, 400);
    assert.ok(answer.error.param);
  }
});

flow('probabilities of the tokens, whole and streamed', async (t) => {
  const gemini = await t.gemini();
  const chosen = [
    { token: 'Hel', tokenId: 1, logProbability: -0.5 },
    { token: 'lö', tokenId: 2, logProbability: -1 },
  ];
  gemini.anyone.gives(
    turn([{ text: 'Hellö' }], {
      candidate: {
        logprobsResult: {
          chosenCandidates: chosen,
          topCandidates: chosen.map((c) => ({ candidates: [c] })),
        },
      },
    }),
  );
  const pollux = await t.pollux();
  const expected = chosen.map(({ token, logProbability: logprob }) => {
    const one = { token, logprob, bytes: [...Buffer.from(token)] };
    return { ...one, top_logprobs: [one] };
  });

  const fields = { model: 'gemini-2.0-flash', logprobs: true, top_logprobs: 1 };
  const whole = await pollux.chat('hi', fields);
  assert.deepEqual(whole.json.choices[0].logprobs.content, expected);
  const streamed = await pollux.chat('hi', { ...fields, stream: true });
  assert.deepEqual(
    streamed.chunks.flatMap((c) => c.choices[0]?.logprobs?.content ?? []),
    expected,
  );
});
