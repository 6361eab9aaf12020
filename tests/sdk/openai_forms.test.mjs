// What OpenAI's official SDK can send and what it makes of the answers, field by field.

import OpenAI from 'openai';
import { LengthFinishReasonError } from 'openai/error';
import { standardFunction, standardResponseFormat } from 'openai/helpers/standard-schema';
import { assert, flow, piece, USAGE } from '../flow/harness.mjs';
import { openai, refusal } from './sdks.mjs';

const MODEL = 'gemini-2.5-flash';
const GEMINI_3 = 'gemini-3-flash-preview';
const HI = { model: MODEL, messages: [{ role: 'user', content: 'hi' }] };

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').toString('base64');
const WAV = Buffer.from('RIFF\x24\0\0\0WAVEfmt ', 'latin1').toString('base64');
const PDF = Buffer.from('%PDF-1.7\n').toString('base64');

/** One candidate of these parts. */
function answer(parts, { candidate, ...more } = {}) {
  return {
    candidates: [{ content: { parts, role: 'model' }, finishReason: 'STOP', ...candidate }],
    usageMetadata: USAGE,
    modelVersion: MODEL,
    responseId: 'r-1',
    ...more,
  };
}

const call = (name, args) => ({ functionCall: { name, args } });
const ask = (client, fields, options) =>
  client.chat.completions.create({ ...HI, ...fields }, options);
const config = (gemini) => gemini.last.json.generationConfig;

/** As zod and the like print a schema for OpenAI's strict mode. */
const STRICT = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  properties: {
    city: { type: 'string', description: 'Where?' },
    unit: { type: ['string', 'null'], enum: ['celsius', 'fahrenheit', null] },
    days: { type: 'integer', exclusiveMinimum: 0, maximum: 7 },
    near: { anyOf: [{ type: 'array', items: { type: 'number' } }, { type: 'null' }] },
    kind: { const: 'forecast' },
    place: { $ref: '#/definitions/place' },
  },
  required: ['city', 'unit', 'days', 'near', 'kind', 'place'],
  additionalProperties: false,
  definitions: {
    place: {
      type: 'object',
      properties: { name: { type: 'string' } },
      required: ['name'],
      additionalProperties: false,
    },
  },
};

/** A validator in the form that the SDK's helpers take from any library. */
const FORECAST = {
  '~standard': {
    version: 1,
    vendor: 'here',
    validate: (value) =>
      typeof value.city === 'string'
        ? { value: { ...value, seen: true } }
        : { issues: [{ message: 'city is missing', path: ['city'] }] },
    jsonSchema: {
      input: () => ({
        $schema: 'http://json-schema.org/draft-07/schema#',
        type: 'object',
        properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1 } },
        required: ['city', 'days'],
        additionalProperties: false,
      }),
    },
  },
};

/* ---- tools ---- */

flow('tools with strict schemas', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.gives(answer([call('weather', { city: 'Paris', days: 3 })]));
  const pollux = await t.pollux();

  const { choices } = await ask(openai(pollux), {
    tools: [
      {
        type: 'function',
        function: { name: 'weather', description: 'Tells it.', strict: true, parameters: STRICT },
      },
      { type: 'function', function: { name: 'now' } },
    ],
    tool_choice: 'required',
  });

  assert.equal(choices[0].finish_reason, 'tool_calls');
  assert.equal(choices[0].message.content, null);
  const [made] = choices[0].message.tool_calls;
  assert.equal(made.type, 'function');
  assert.equal(made.function.name, 'weather');
  assert.deepEqual(JSON.parse(made.function.arguments), { city: 'Paris', days: 3 });

  const [{ functionDeclarations: declared }] = gemini.last.json.tools;
  assert.deepEqual(
    declared.map((d) => Object.keys(d)),
    [['name', 'description', 'parametersJsonSchema'], ['name']],
  );
  const schema = declared[0].parametersJsonSchema;
  assert.equal(schema.type, 'object');
  assert.equal(schema.additionalProperties, false);
  assert.ok(!('$schema' in schema));
  assert.deepEqual(schema.required, STRICT.required);
  assert.deepEqual(schema.properties.days, { type: 'integer', minimum: 1, maximum: 7 });
  assert.deepEqual(schema.properties.unit.type, ['string', 'null']);
  assert.deepEqual(schema.properties.unit.enum, ['celsius', 'fahrenheit']);
  assert.deepEqual(schema.properties.near, STRICT.properties.near);
  assert.deepEqual(schema.properties.kind.enum, ['forecast']);
  assert.deepEqual(schema.properties.place, { $ref: '#/$defs/place' });
  assert.deepEqual(schema.$defs, STRICT.definitions);
  assert.equal(gemini.last.json.toolConfig.functionCallingConfig.mode, 'ANY');
});

for (const stream of [false, true]) {
  flow(`runTools runs the program's functions, stream: ${stream}`, async (t) => {
    const gemini = await t.gemini();
    gemini.anyone
      .gives(answer([call('weather', { city: 'Paris', days: 3 }), call('now', {})]))
      .gives(piece('Rain.', { finish: 'STOP', usage: USAGE }));
    const pollux = await t.pollux();
    const heard = [];
    const tool = (name) =>
      standardFunction({
        name,
        description: `Does ${name}.`,
        parameters: name === 'weather' ? FORECAST : { ...FORECAST, '~standard': NO_PARAMETERS },
        function: (args) => {
          heard.push([name, args]);
          return `It is ${name}.`;
        },
      });

    const runner = openai(pollux).chat.completions.runTools({
      ...HI,
      stream,
      tools: [tool('weather'), tool('now')],
    });
    const said = await runner.finalContent();

    assert.equal(said, 'Rain.');
    assert.deepEqual(heard, [
      ['weather', { city: 'Paris', days: 3, seen: true }],
      ['now', {}],
    ]);
    const [, model, results] = gemini.last.json.contents;
    assert.deepEqual(
      model.parts.map((p) => p.functionCall.name),
      ['weather', 'now'],
    );
    assert.deepEqual(
      results.parts.map((p) => p.functionResponse),
      [
        { name: 'weather', response: { output: 'It is weather.' } },
        { name: 'now', response: { output: 'It is now.' } },
      ],
    );
  });
}

const NO_PARAMETERS = {
  version: 1,
  vendor: 'here',
  validate: (value) => ({ value }),
  jsonSchema: { input: () => ({ type: 'object', properties: {}, additionalProperties: false }) },
};

flow('tool_choice in all its forms', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const client = openai(pollux);
  const f = (name) => ({ type: 'function', function: { name } });
  const tools = [f('a'), f('b')];
  const forms = [
    ['auto', undefined],
    ['none', { mode: 'NONE' }],
    ['required', { mode: 'ANY' }],
    [f('b'), { mode: 'ANY', allowedFunctionNames: ['b'] }],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [f('a')] } },
      { mode: 'ANY', allowedFunctionNames: ['a'] },
    ],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [f('a')] } },
      { mode: 'VALIDATED', allowedFunctionNames: ['a'] },
    ],
  ];

  for (const [choice, expected] of forms) {
    await ask(client, { tools, tool_choice: choice });
    assert.deepEqual(gemini.last.json.toolConfig?.functionCallingConfig, expected);
  }
  const error = await refusal(ask(client, { tools, tool_choice: f('c') }), OpenAI.BadRequestError);
  assert.match(error.param, /^tool_choice/);
});

flow('a custom tool is called with its input', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.gives(answer([call('shell', { input: 'ls -l\n' })]));
  const pollux = await t.pollux();

  const { choices } = await ask(openai(pollux), {
    tools: [{ type: 'custom', custom: { name: 'shell', description: 'Runs it.' } }],
  });

  const [made] = choices[0].message.tool_calls;
  assert.deepEqual([made.type, made.custom], ['custom', { name: 'shell', input: 'ls -l\n' }]);
});

/* ---- formats ---- */

for (const stream of [false, true]) {
  flow(`response_format with the SDK's parse helper, stream: ${stream}`, async (t) => {
    const gemini = await t.gemini();
    gemini.anyone.gives(piece('{"city": "Paris", "days": 2}', { finish: 'STOP', usage: USAGE }));
    const pollux = await t.pollux();
    const { completions } = openai(pollux).chat;
    const body = { ...HI, response_format: standardResponseFormat(FORECAST, 'forecast') };

    const { choices } = stream
      ? await completions.stream(body).finalChatCompletion()
      : await completions.parse(body);

    assert.deepEqual(choices[0].message.parsed, { city: 'Paris', days: 2, seen: true });
    assert.equal(config(gemini).responseMimeType, 'application/json');
    const schema = config(gemini).responseJsonSchema;
    assert.deepEqual(Object.keys(schema.properties), ['city', 'days']);
    assert.equal(schema.additionalProperties, false);
  });
}

flow('response_format json_object, and a limit that the parse helper raises', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const client = openai(pollux);

  await ask(client, { response_format: { type: 'json_object' } });
  assert.equal(config(gemini).responseMimeType, 'application/json');

  gemini.anyone.gives(piece('{"city":', { finish: 'MAX_TOKENS', usage: USAGE }));
  const parsing = client.chat.completions.parse({
    ...HI,
    response_format: standardResponseFormat(FORECAST, 'forecast'),
  });
  await refusal(parsing, LengthFinishReasonError);
});

/* ---- media ---- */

flow('images, audio and files go in', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const file_data = `data:application/pdf;base64,${PDF}`;

  await ask(openai(pollux), {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}`, detail: 'auto' } },
          { type: 'input_audio', input_audio: { data: WAV, format: 'wav' } },
          { type: 'file', file: { filename: 'a.pdf', file_data } },
        ],
      },
    ],
  });

  assert.deepEqual(gemini.last.json.contents[0].parts, [
    { text: 'What is this?' },
    { inlineData: { mimeType: 'image/png', data: PNG } },
    { inlineData: { mimeType: 'audio/wav', data: WAV } },
    { inlineData: { mimeType: 'application/pdf', data: PDF } },
  ]);
});

flow('images come out', async (t) => {
  const gemini = await t.gemini();
  const image = { inlineData: { mimeType: 'image/png', data: PNG } };
  gemini.anyone.gives(answer([{ text: 'Look:' }, image]));
  const pollux = await t.pollux();
  const client = openai(pollux);
  const fields = { model: 'gemini-2.5-flash-image', modalities: ['text', 'image'] };
  const url = `data:image/png;base64,${PNG}`;
  const expected = { type: 'image_url', index: 0, image_url: { url } };

  const { choices } = await ask(client, fields);
  assert.equal(choices[0].message.content, 'Look:');
  assert.deepEqual(choices[0].message.images, [expected]);
  assert.deepEqual(config(gemini).responseModalities, ['TEXT', 'IMAGE']);

  const images = [];
  for await (const chunk of await ask(client, { ...fields, stream: true }))
    images.push(...(chunk.choices[0]?.delta.images ?? []));
  assert.deepEqual(images, [expected]);
});

flow('speech comes out', async (t) => {
  const gemini = await t.gemini();
  const pcm = Buffer.from([1, 2, 3, 4]).toString('base64');
  gemini.anyone.gives(
    answer([{ inlineData: { mimeType: 'audio/L16;codec=pcm;rate=24000', data: pcm } }]),
  );
  const pollux = await t.pollux();

  const { choices } = await ask(openai(pollux), {
    model: 'gemini-2.5-flash-preview-tts',
    modalities: ['audio'],
    audio: { voice: 'Kore', format: 'wav' },
  });

  const wav = Buffer.from(choices[0].message.audio.data, 'base64');
  assert.equal(wav.toString('latin1', 0, 4), 'RIFF');
  assert.equal(wav.subarray(44).toString('base64'), pcm);
  assert.deepEqual(config(gemini).responseModalities, ['AUDIO']);
  assert.equal(
    config(gemini).speechConfig.voiceConfig.prebuiltVoiceConfig.voiceName,
    'Kore',
  );
});

/* ---- parameters ---- */

for (const model of [MODEL, GEMINI_3]) {
  flow(`three choices of ${model}`, async (t) => {
    const gemini = await t.gemini();
    let said = 0;
    gemini.anyone.does((asked) => {
      const count = asked.json.generationConfig?.candidateCount ?? 1;
      const candidates = Array.from({ length: count }, (_, index) => ({
        index,
        content: { role: 'model', parts: [{ text: `choice ${++said}` }] },
        finishReason: 'STOP',
      }));
      const chunk = { candidates, usageMetadata: USAGE, responseId: 'r-1' };
      return asked.streams ? asked.stream(chunk) : asked.whole(200, chunk);
    });
    const pollux = await t.pollux();
    const client = openai(pollux);

    const { choices } = await ask(client, { model, n: 3 });
    assert.deepEqual(
      choices.map((c) => c.index),
      [0, 1, 2],
    );
    assert.equal(new Set(choices.map((c) => c.message.content)).size, 3);

    const streamed = await client.chat.completions
      .stream({ ...HI, model, n: 3 })
      .finalChatCompletion();
    assert.equal(new Set(streamed.choices.map((c) => c.message.content)).size, 3);
    assert.ok(streamed.choices.every((c) => c.finish_reason === 'stop'));
    assert.equal(gemini.asked, model === GEMINI_3 ? 6 : 2);
  });
}

flow('logprobs', async (t) => {
  const gemini = await t.gemini();
  const chosen = { token: 'Zü', tokenId: 1, logProbability: -0.25 };
  const other = { token: 'Ba', tokenId: 2, logProbability: -1.5 };
  const logprobsResult = {
    chosenCandidates: [chosen],
    topCandidates: [{ candidates: [chosen, other] }],
  };
  gemini.anyone.gives(answer([{ text: 'Zü' }], { candidate: { logprobsResult } }));
  const pollux = await t.pollux();

  const { choices } = await ask(openai(pollux), { logprobs: true, top_logprobs: 2 });

  assert.deepEqual(choices[0].logprobs.content, [
    {
      token: 'Zü',
      logprob: -0.25,
      bytes: [...Buffer.from('Zü')],
      top_logprobs: [
        { token: 'Zü', logprob: -0.25, bytes: [...Buffer.from('Zü')] },
        { token: 'Ba', logprob: -1.5, bytes: [66, 97] },
      ],
    },
  ]);
  assert.equal(config(gemini).responseLogprobs, true);
  assert.equal(config(gemini).logprobs, 2);
});

flow('what a model does not know is left out, once it has said so', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone
    .answers(400, { message: 'Logprobs is not enabled for this model' })
    .gives(piece('Hello', { finish: 'STOP', usage: USAGE }));
  const pollux = await t.pollux();
  const client = openai(pollux);
  const fields = { logprobs: true, temperature: 0.5 };

  const { data, response } = await ask(client, fields).withResponse();
  assert.equal(data.choices[0].logprobs, null);
  assert.match(response.headers.get('x-pollux-ignored'), /logprobs/);
  assert.deepEqual(config(gemini), { temperature: 0.5 });
  assert.equal(gemini.asked, 2);
  await ask(client, fields);
  assert.equal(gemini.asked, 3, 'it is remembered');
});

flow('reasoning: efforts, thoughts and what Google names itself', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.gives(answer([{ text: 'Hm.', thought: true }, { text: 'Yes.' }]));
  const pollux = await t.pollux();
  const client = openai(pollux);

  const { choices, usage } = await ask(client, { reasoning_effort: 'high' });
  assert.equal(choices[0].message.reasoning_content, 'Hm.');
  assert.equal(choices[0].message.content, 'Yes.');
  assert.equal(usage.completion_tokens_details.reasoning_tokens, 100);
  assert.equal(usage.completion_tokens, 105);
  assert.deepEqual(config(gemini).thinkingConfig, { thinkingBudget: 24576, includeThoughts: true });

  await ask(client, { model: GEMINI_3, reasoning_effort: 'none' });
  assert.equal(config(gemini).thinkingConfig.thinkingLevel, 'MINIMAL');

  const google = { thinking_config: { thinking_budget: 512, include_thoughts: true } };
  const budget = { thinkingBudget: 512, includeThoughts: true };
  await ask(client, { extra_body: { google } });
  assert.deepEqual(config(gemini).thinkingConfig, budget);
  await ask(client, { google }); // as the Python SDK sends its extra_body
  assert.deepEqual(config(gemini).thinkingConfig, budget);

  await refusal(ask(client, { reasoning_effort: 'low', google }), OpenAI.BadRequestError);
});

flow('usage at the end of a stream, and nowhere else', async (t) => {
  const gemini = await t.gemini();
  const usageMetadata = { ...USAGE, cachedContentTokenCount: 3 };
  gemini.anyone.sends(piece('Hel', { usage: USAGE }), {
    ...piece('lo', { finish: 'STOP' }),
    usageMetadata,
  });
  const pollux = await t.pollux();
  const gather = async (stream_options) => {
    const chunks = [];
    for await (const chunk of await ask(openai(pollux), { stream: true, stream_options }))
      chunks.push(chunk);
    return chunks;
  };

  const told = await gather({ include_usage: true });
  const last = told.pop();
  assert.deepEqual(last.choices, []);
  assert.deepEqual(
    [last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.total_tokens],
    [7, 105, 112],
  );
  assert.equal(last.usage.prompt_tokens_details.cached_tokens, 3);
  assert.ok(told.every((c) => c.usage === null));
  assert.ok((await gather()).every((c) => !('usage' in c)));
});

flow('search, with its sources as annotations', async (t) => {
  const gemini = await t.gemini();
  const groundingMetadata = {
    groundingChunks: [{ web: { uri: 'https://example.org/a', title: 'A' } }],
    groundingSupports: [{ segment: { endIndex: 16, text: 'x' }, groundingChunkIndices: [0] }],
  };
  gemini.anyone.gives(
    answer([{ text: 'Zürich: 21 °C.' }], { candidate: { groundingMetadata } }),
  );
  const pollux = await t.pollux();

  for (const fields of [{ web_search_options: {} }, { model: `${MODEL}-search` }]) {
    const { model, choices } = await ask(openai(pollux), fields);
    assert.deepEqual(choices[0].message.annotations, [
      {
        type: 'url_citation',
        url_citation: { start_index: 0, end_index: 14, url: 'https://example.org/a', title: 'A' },
      },
    ]);
    assert.equal(model, fields.model ?? MODEL);
    assert.deepEqual(gemini.last.json.tools, [{ googleSearch: {} }]);
    assert.match(gemini.last.path, new RegExp(`/models/${MODEL}:`));
  }
});

flow('a blocked prompt is an answer, streamed or not', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.gives({
    promptFeedback: { blockReason: 'SAFETY' },
    usageMetadata: { promptTokenCount: 7, totalTokenCount: 7 },
    responseId: 'r-1',
  });
  const pollux = await t.pollux();
  const client = openai(pollux);

  const whole = await ask(client, {});
  const streamed = await client.chat.completions.stream(HI).finalChatCompletion();

  for (const { choices } of [whole, streamed]) {
    assert.equal(choices[0].finish_reason, 'content_filter');
    assert.match(choices[0].message.refusal, /SAFETY/);
    assert.equal(choices[0].message.content ?? null, null);
  }
});

flow('fields that Gemini lacks are named, not refused', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();

  const { data, response } = await ask(openai(pollux), {
    logit_bias: { 50256: -100 },
    prediction: { type: 'content', content: 'Hello' },
    verbosity: 'low',
    store: true,
    metadata: { a: 'b' },
    user: 'me',
    safety_identifier: 'me',
    prompt_cache_key: 'k',
    service_tier: 'auto',
    parallel_tool_calls: true,
    frequency_penalty: 0,
    presence_penalty: 0,
    something_new: { a: [1] },
  }).withResponse();

  assert.equal(data.choices[0].message.content, 'Hello');
  assert.match(response.headers.get('x-pollux-ignored'), /logit_bias/);
});
