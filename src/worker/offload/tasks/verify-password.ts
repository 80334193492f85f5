// Compares a password with its hash: the slow part of Basic authentication, slow on purpose.

import { createHash, timingSafeEqual } from 'node:crypto';
import { verifySync } from '@node-rs/argon2';
import { compareSync } from 'bcryptjs';
import { apr1 } from './apr1.ts';

export interface PasswordWork {
  /** Byte string: UTF-8 octets, as the client sent them. */
  readonly password: string;
  /** bcrypt, argon2, apr1 or {SHA}. */
  readonly hash: string;
}

export function verifyPassword({ password, hash }: PasswordWork): boolean {
  const bytes = Buffer.from(password, 'latin1');
  if (hash.startsWith('$2')) return compareSync(bytes.toString('utf8'), hash);
  if (hash.startsWith('$argon2')) return verifySync(hash, bytes);
  if (hash.startsWith('$apr1$')) return isSame(apr1(bytes, hash.split('$')[2]!), hash);
  return isSame(`{SHA}${createHash('sha1').update(bytes).digest('base64')}`, hash);
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
