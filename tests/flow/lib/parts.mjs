// Answers of Gemini's that hold more than text, and what clients say of calls.

import { USAGE } from './wire.mjs';

/** One chunk whose candidate holds these parts; finish null: it is not its last. */
export function turn(parts, { finish = 'STOP', usage = USAGE, index = 0, ...more } = {}) {
  const { candidate = {}, ...rest } = more;
  return {
    candidates: [
      {
        content: { role: 'model', parts },
        index,
        ...(finish ? { finishReason: finish } : {}),
        ...candidate,
      },
    ],
    ...(usage ? { usageMetadata: usage } : {}),
    modelVersion: 'gemini-3.5-flash',
    responseId: 'R1',
    ...rest,
  };
}

/** A part that calls a function. */
export function call(name, args, { id, signature } = {}) {
  return {
    functionCall: { ...(id ? { id } : {}), name, args },
    ...(signature ? { thoughtSignature: signature } : {}),
  };
}

/** A tool as OpenAI's programs declare it. */
export function tool(name, properties = { city: { type: 'string' } }, more = {}) {
  return {
    type: 'function',
    function: {
      name,
      parameters: { type: 'object', properties, required: Object.keys(properties) },
      ...more,
    },
  };
}

/** What a client makes of a message that calls: it keeps what OpenAI knows and nothing else. */
export function echoed(message) {
  return {
    role: 'assistant',
    content: message.content ?? null,
    tool_calls: message.tool_calls.map((c) => ({
      id: c.id,
      type: c.type,
      ...(c.function
        ? { function: { name: c.function.name, arguments: c.function.arguments } }
        : { custom: { name: c.custom.name, input: c.custom.input } }),
    })),
  };
}

/** The message of a streamed answer, put together as SDKs do. */
export function gathered(chunks) {
  const message = { role: undefined, content: '', tool_calls: [] };
  for (const chunk of chunks) {
    const delta = chunk.choices?.[0]?.delta ?? {};
    message.role ??= delta.role;
    message.content += delta.content ?? '';
    for (const { index, ...piece } of delta.tool_calls ?? []) {
      const call = (message.tool_calls[index] ??= { ...piece, [piece.type]: {} });
      for (const [name, value] of Object.entries(piece[call.type] ?? {}))
        call[call.type][name] = (call[call.type][name] ?? '') + value;
    }
  }
  message.content ||= null;
  return message;
}
