// Whose address it is, as far as an address tells.

/**
 * Returns an IPv4 address itself and the /64 of an IPv6 one: one customer has at least that many addresses
 * (RFC 6177), and would have as many limits. IPv4 in IPv6 (`::ffff:…`) is IPv4.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = address.lastIndexOf(':');
  if (address.includes('.')) return address.slice(mapped + 1);
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length;
    while (groups.length + after < 8) groups.push('0');
  }
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
