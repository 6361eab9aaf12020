// Prompts of any length and kind, and how many tokens they are: not as Google counts, but as
// unevenly.  A byte of prose is a quarter of a token, a digit a whole one.

const WORDS = ('the of and a to in is you that it he was for on are as with his they at be this have from or one had by ' +
  'word but not what all were we when your can said there use an each which she do how their if will up other about out many ' +
  'then them these so some her would make like him into time has look two more write go see number no way could people my than ' +
  'first water been call who oil its now find long down day did get come made may part between understand mountain children').split(' ');

const pick = (list) => list[Math.floor(Math.random() * list.length)];
const repeat = (n, one) => Array.from({ length: n }, one).join('');
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** What a text of about that many tokens looks like. */
const KINDS = {
  prose: (tokens) => Array.from({ length: Math.max(1, Math.round(tokens / 1.05)) }, () => pick(WORDS)).join(' '),
  digits: (tokens) => repeat(tokens, () => Math.floor(Math.random() * 10)),
  cjk: (tokens) => repeat(tokens, () => String.fromCodePoint(0x4e00 + Math.floor(Math.random() * 0x2000))),
  /* Rare ones, of which each byte is a token. */
  emoji: (tokens) => repeat(Math.ceil(tokens / 4), () => String.fromCodePoint(0x1f300 + Math.floor(Math.random() * 0x200))),
  base64: (tokens) => repeat(Math.ceil(tokens / 0.65), () => BASE64[Math.floor(Math.random() * 64)]),
};

export const kinds = Object.keys(KINDS);

export function textOf(kind, tokens) {
  return KINDS[kind](tokens);
}

const PIECE = /[A-Za-z]+|[0-9]|[^\sA-Za-z0-9]/gu;

function tokensOfPiece(piece) {
  if (!/^[A-Za-z]/.test(piece)) return piece.codePointAt(0) > 0xffff ? 4 : 1;
  if (/^[A-Z]?[a-z]+$/.test(piece) && piece.length < 12) return piece.length > 7 ? 2 : 1;
  return Math.ceil(piece.length * 0.7);
}

/** As upstream counts. */
export function tokensOf(text) {
  let sum = 0;
  for (const [piece] of text.matchAll(PIECE)) sum += tokensOfPiece(piece);
  return sum;
}
