// Apache's variant of md5-crypt, which `htpasswd -m` makes: weak by today's measure, but it is in the files.

import { createHash } from 'node:crypto';

const DIGITS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ROUNDS = 1000;
/** Which bytes of the digest make up each group of four digits. */
const GROUPS = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
] as const;

/** Returns the whole hash, `$apr1$SALT$…`. */
export function apr1(password: Uint8Array, salt: string): string {
  const inner = md5(password, salt, password);
  const parts: (Uint8Array | string)[] = [password, '$apr1$', salt];
  for (let left = password.length; left > 0; left -= 16) parts.push(inner.subarray(0, left));
  for (let left = password.length; left > 0; left >>= 1) {
    parts.push(left % 2 === 1 ? Uint8Array.of(0) : password.subarray(0, 1));
  }
  let digest = md5(...parts);
  for (let round = 0; round < ROUNDS; round++) {
    const isOdd = round % 2 === 1;
    digest = md5(
      isOdd ? password : digest,
      round % 3 === 0 ? '' : salt,
      round % 7 === 0 ? '' : password,
      isOdd ? digest : password,
    );
  }
  const text = GROUPS.map(([a, b, c]) =>
    digits((digest[a]! << 16) | (digest[b]! << 8) | digest[c]!, 4),
  );
  return `$apr1$${salt}$${text.join('')}${digits(digest[11]!, 2)}`;
}

function md5(...parts: readonly (Uint8Array | string)[]): Buffer {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function digits(value: number, count: number): string {
  let text = '';
  for (let at = 0; at < count; at++) text += DIGITS[(value >> (6 * at)) & 63];
  return text;
}
