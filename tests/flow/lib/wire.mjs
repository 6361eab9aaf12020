// The shapes of Gemini's wire that stories speak of, and reading server-sent events.

/** One piece of an answer.  finish: of the last piece. */
export function piece(text, { finish, usage, ...more } = {}) {
  const candidate = { content: { parts: [{ text }], role: 'model' }, index: 0 };
  if (finish) candidate.finishReason = finish;
  const chunk = {
    candidates: [candidate],
    modelVersion: 'gemini-2.5-flash',
    responseId: 'r-1',
    ...more,
  };
  if (usage) chunk.usageMetadata = usage;
  return chunk;
}

export const USAGE = {
  promptTokenCount: 7,
  candidatesTokenCount: 5,
  thoughtsTokenCount: 100,
  totalTokenCount: 112,
};

/** The pieces of an answer whose texts these are. */
export function pieces(...texts) {
  return texts.map((text, i) =>
    i + 1 < texts.length ? piece(text) : piece(text, { finish: 'STOP', usage: USAGE }),
  );
}

export function event(value, lineEnd = '\r\n') {
  return `data: ${JSON.stringify(value)}${lineEnd}${lineEnd}`;
}

const STATUS = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** Google's error envelope. */
export function fault(
  code,
  {
    message = `refused with ${code}`,
    status = STATUS[code],
    reason,
    retryDelay,
    quotaId,
    quotaValue = '2',
    details = [],
  } = {},
) {
  const all = [...details];
  if (reason) {
    all.push({
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason,
      domain: 'googleapis.com',
      metadata: { service: 'generativelanguage.googleapis.com' },
    });
  }
  if (quotaId) {
    all.push({
      '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
      violations: [
        {
          quotaMetric: 'generativelanguage.googleapis.com/generate_content_free_tier_requests',
          quotaId,
          quotaDimensions: { location: 'global', model: 'gemini-2.5-flash' },
          quotaValue,
        },
      ],
    });
  }
  if (retryDelay) all.push({ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay });
  return { error: { code, message, status, ...(all.length ? { details: all } : {}) } };
}

export const PER_MINUTE = 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier';
export const PER_DAY = 'GenerateRequestsPerDayPerProjectPerModel-FreeTier';

/** The events of a whole SSE body: {data, json} each.  What is no event is an error. */
export function readEvents(text) {
  const events = [];
  let data = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (line === '') {
      if (data.length) events.push(data.join('\n'));
      data = [];
    } else if (line.startsWith('data:')) {
      data.push(line.slice(5).replace(/^ /, ''));
    } else if (!line.startsWith(':')) {
      throw new Error(`no line of server-sent events: ${line}`);
    }
  }
  if (data.length) throw new Error(`the last event does not end: ${data.join('\n')}`);
  return events.map((d) => ({ data: d, json: d === '[DONE]' ? undefined : JSON.parse(d) }));
}
