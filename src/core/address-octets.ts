// IP addresses as the octets that other protocols carry, in byte strings.

/** Returns the four octets of an IPv4 address. */
export function v4Octets(address: string): string {
  return String.fromCharCode(...address.split('.').map(Number));
}

/** Returns 16 octets of an address of either family, with or without a zone; IPv4 is mapped. */
export function v6Octets(address: string): string {
  if (!address.includes(':')) return `${'\0'.repeat(10)}\xff\xff${v4Octets(address)}`;
  const [text = ''] = address.split('%');
  const [head = '', tail] = text.split('::');
  const before = groups(head);
  const after = groups(tail ?? '');
  return before + '\0'.repeat(16 - before.length - after.length) + after;
}

function groups(text: string): string {
  if (text === '') return '';
  const parts = text.split(':').map((part) => {
    if (part.includes('.')) return v4Octets(part);
    const value = Number.parseInt(part, 16);
    return String.fromCharCode(value >> 8, value & 0xff);
  });
  return parts.join('');
}
