// What a piece of a request says behind its encodings, so that rules need to know one form of it: escapes
// decoded (twice: who hides something does it again), lower case, white space and SQL comments as one space.
// The path has been settled before by routing/target-policy.ts; nothing of this is forwarded.

/** Stands between the parameters of a query or form: no rule looks over it. */
export const BETWEEN = '\x01';

const ROUNDS = 2;
const ESCAPE = /%(?:u00([0-9a-f]{2})|([0-9a-f]{2}))/gi;
const JSON_QUOTE = /\\(?:u00([0-9a-f]{2})|(.))|"/gi;
const BLANKS = /[ \t\v\f\r\n\xa0]{2,}|[\t\v\f\r\xa0]/g;
/** Of ASCII only: bytes above 127 are what they are. */
const CAPITALS = /[A-Z]+/g;
/** What can stay as it is. */
const PLAIN = /^[a-z0-9/._~:,= -]*$/;

/** Returns the path of a target, or all that is not of a form, as rules see it. */
export function plainText(text: string): string {
  return PLAIN.test(text) ? text : settle(decode(text));
}

/** Returns a query or a form (`a=b&c=d`) as rules see it. */
export function plainForm(text: string): string {
  if (PLAIN.test(text)) return text;
  return settle(decode(text.replaceAll('&', BETWEEN).replaceAll('+', ' ')));
}

/** Returns a JSON text as rules see it: its own quotes are between values, those in values are quotes. */
export function plainJson(text: string): string {
  return settle(text.replace(JSON_QUOTE, readJson));
}

function readJson(_: string, hex: string | undefined, escaped: string | undefined): string {
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
  if (escaped === undefined) return BETWEEN;
  return escaped === 'n' || escaped === 'r' || escaped === 't' ? '\n' : escaped;
}

function decode(text: string): string {
  let decoded = text;
  for (let round = 0; round < ROUNDS && decoded.includes('%'); round++) {
    decoded = decoded.replace(ESCAPE, (_, wide: string | undefined, hex: string) =>
      String.fromCharCode(Number.parseInt(wide ?? hex, 16)),
    );
  }
  return decoded;
}

function settle(text: string): string {
  const lower = withoutComments(text.replace(CAPITALS, (found) => found.toLowerCase()));
  return lower.replace(BLANKS, (blanks) => (/[\r\n]/.test(blanks) ? '\n' : ' '));
}

/** Each comment of SQL and its like becomes a space; one that has no end stays. */
function withoutComments(text: string): string {
  let at = text.indexOf('/*');
  if (at === -1) return text;
  let rest = 0;
  let clean = '';
  while (at !== -1) {
    const end = text.indexOf('*/', at + 2);
    if (end === -1) break;
    // `/*!50000union*/` is run by MySQL.
    const isRun = text[at + 2] === '!';
    const inside = isRun ? text.slice(at + 3, end).replace(/^[0-9]{5,6}/, '') : '';
    clean += `${text.slice(rest, at)} ${inside}${isRun ? ' ' : ''}`;
    rest = end + 2;
    at = text.indexOf('/*', rest);
  }
  return clean + text.slice(rest);
}
