// JSON schemas in tools and in formats of the answer: one clean-up for both, whatever they hold.
//
// Lessons #9 to #17; fault (j) of a popular peer.

import { assert, flow } from './harness.mjs';
import { CHAT, MODEL, scene } from './lib/line.mjs';

flow('schemas are cleaned alike in tools and in formats of the answer', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $comment: 'nobody reads this',
    type: 'object',
    properties: {
      kind: { const: 'a' },
      count: { type: 'integer', exclusiveMinimum: 0 },
      note: { type: ['string', 'null'], enumDescriptions: ['x'] },
    },
    propertyNames: { pattern: 'a' },
    required: ['kind'],
    additionalProperties: false,
  };
  const clean = {
    type: 'object',
    properties: {
      kind: { enum: ['a'] },
      count: { type: 'integer', minimum: 1 },
      note: { type: ['string', 'null'] },
    },
    required: ['kind'],
    additionalProperties: false,
  };

  await pollux.chat('hi', {
    tools: [{ type: 'function', function: { name: 'a', parameters: schema } }],
  });
  assert.deepEqual(gemini.last.json.tools[0].functionDeclarations[0].parametersJsonSchema, clean);
  await pollux.chat('hi', {
    response_format: { type: 'json_schema', json_schema: { name: 'N', schema } },
  });
  const { responseMimeType, responseJsonSchema } = gemini.last.json.generationConfig;
  assert.equal(responseMimeType, 'application/json');
  const { title, propertyOrdering, ...rest } = responseJsonSchema;
  assert.equal(title, 'N');
  assert.deepEqual(propertyOrdering, ['kind', 'count', 'note']);
  assert.deepEqual(rest, clean);
});

const withSchema = (parameters, model = MODEL) => ({
  model,
  messages: [{ role: 'user', content: 'hi' }],
  tools: [{ type: 'function', function: { name: 'a', parameters } }],
  response_format: { type: 'json_schema', json_schema: { name: 'n', schema: parameters } },
});

flow('schemas that recurse, in every way', async (t) => {
  const { chat, gemini, isAlive } = await scene(t);

  for (const schema of [
    { $ref: '#' },
    { type: 'object', properties: { a: { $ref: '#' } } },
    { type: 'object', properties: { a: { $ref: '#/properties/a' } } },
    { $defs: { A: { $ref: '#/$defs/B' }, B: { $ref: '#/$defs/A' } }, $ref: '#/$defs/A' },
    {
      type: 'object',
      properties: { n: { $ref: '#/$defs/N' } },
      $defs: {
        N: {
          type: 'object',
          properties: { l: { $ref: '#/$defs/N' }, r: { $ref: '#/$defs/N' } },
          required: ['l', 'r'],
        },
      },
    },
    { allOf: [{ $ref: '#' }, { $ref: '#' }] },
    { type: 'object', properties: { a: { $ref: '#/nowhere' } } },
    { type: 'object', properties: { a: { $ref: 'https://example.org/s.json' } } },
    { type: 'object', properties: { a: { $ref: 7 } } },
    { type: 'object', properties: { a: { $ref: '#/%zz/~2' } } },
    {
      /* Each layer names the next one ten times: a thousand million in all. */
      $ref: '#/$defs/D0',
      $defs: Object.fromEntries(
        Array.from({ length: 10 }, (_, i) => [
          `D${i}`,
          {
            type: 'object',
            properties: Object.fromEntries(
              Array.from({ length: 10 }, (__, p) => [`p${p}`, { $ref: `#/$defs/D${i + 1}` }]),
            ),
          },
        ]).concat([['D10', { type: 'string' }]]),
      ),
    },
  ]) {
    for (const model of [MODEL, 'gemini-2.0-flash']) {
      const asked = gemini.asked;
      const live = await chat(withSchema(schema, model));
      assert.ok([200, 400].includes(live.status), `${JSON.stringify(schema)}: ${live.text}`);
      if (live.status === 400)
        assert.match(live.json.error.param, /^(tools\[0\]\.function\.parameters|response_format)/);
      else assert.ok(gemini.last.body.length < 16 << 20, 'and it did not grow without end');
      assert.equal(gemini.asked - asked, live.status === 200 ? 1 : 0);
    }
  }
  isAlive();
});

flow('schemas of a megabyte, and schemas that are no schemas', async (t) => {
  const { chat, refuses, gemini, isAlive } = await scene(t);

  const wide = {
    type: 'object',
    properties: Object.fromEntries(
      Array.from({ length: 20000 }, (_, i) => [
        `property_${i}`,
        { type: 'string', description: 'x'.repeat(20) },
      ]),
    ),
  };
  assert.ok(JSON.stringify(wide).length > 1 << 20);
  for (const model of [MODEL, 'gemini-2.0-flash']) {
    const live = await chat(withSchema(wide, model));
    assert.equal(live.status, 200, live.text);
    const [{ parametersJsonSchema, parameters }] = gemini.last.json.tools[0].functionDeclarations;
    assert.equal(Object.keys((parametersJsonSchema ?? parameters).properties).length, 20000);
  }

  let deep = { type: 'string' };
  for (let i = 0; i < 40; i++) deep = { type: 'object', properties: { a: deep } };
  for (const [schema, param] of [
    [deep, /^tools\[0\]\.function\.parameters/],
    [7, /^tools\[0\]\.function\.parameters/],
    ['x', /^tools\[0\]\.function\.parameters/],
    [[], /^tools\[0\]\.function\.parameters/],
  ])
    await refuses(
      CHAT,
      { ...withSchema(schema), response_format: undefined },
      param,
      JSON.stringify(schema),
    );

  /* Lesson #17: what a keyword holds may be of any type. */
  for (const odd of [7, 'x', [], {}, null, true, [7], { type: 'string' }]) {
    for (const keyword of [
      'type',
      'properties',
      'items',
      'required',
      'enum',
      'anyOf',
      'minLength',
      'minimum',
      'description',
      'additionalProperties',
      'const',
      '$defs',
      'allOf',
      'format',
    ]) {
      for (const model of [MODEL, 'gemini-2.0-flash']) {
        const schema = { type: 'object', properties: { a: { type: 'string', [keyword]: odd } } };
        const live = await chat({ ...withSchema(schema, model), response_format: undefined });
        assert.ok([200, 400].includes(live.status), `${keyword}: ${JSON.stringify(odd)}`);
        if (live.status === 400)
          assert.match(live.json.error.param, /^tools\[0\]\.function\.parameters/);
      }
    }
  }
  isAlive();
});
