// By what those find one another who want the same variant: the key, and behind NUL, which is in none, what
// `varyKey` of the answer is expected to be. See `CacheStore.lease`.

export function leaseKeyOf(key: string, varyKey: string): string {
  return varyKey === '' ? key : `${key}\0${varyKey}`;
}

/** Returns what such a key was made of. */
export function partsOfLeaseKey(leaseKey: string): { key: string; varyKey: string } {
  const end = leaseKey.indexOf('\0');
  if (end === -1) return { key: leaseKey, varyKey: '' };
  return { key: leaseKey.slice(0, end), varyKey: leaseKey.slice(end + 1) };
}
