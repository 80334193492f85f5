// Writes small databases in MaxMind DB format (version 2, IPv6 tree with IPv4 below ::), for tests.

import { isIPv4 } from 'node:net';

type Value = string | number | { readonly [key: string]: Value };

/** Returns a database of records by network, e.g. `192.0.2.0/24`. Networks must not overlap. */
export function makeMmdb(records: Readonly<Record<string, Value>>): Buffer {
  const data: Buffer[] = [];
  let dataBytes = 0;
  /** Each node has two sides: null nothing, a node, or the offset of a record. */
  type Side = null | Node | number;
  interface Node {
    sides: [Side, Side];
    number: number;
  }
  const root: Node = { sides: [null, null], number: 0 };
  const nodes = [root];
  for (const [network, value] of Object.entries(records)) {
    const [address = '', length = ''] = network.split('/');
    const bits = bitsOf(address).slice(0, isIPv4(address) ? 96 + Number(length) : Number(length));
    let node = root;
    for (const [at, bit] of bits.entries()) {
      if (at === bits.length - 1) {
        node.sides[bit] = dataBytes;
        break;
      }
      let next = node.sides[bit];
      if (next === null || typeof next === 'number') {
        next = { sides: [null, null], number: nodes.length };
        nodes.push(next);
        node.sides[bit] = next;
      }
      node = next;
    }
    const encoded = encode(value);
    data.push(encoded);
    dataBytes += encoded.length;
  }
  const tree = Buffer.alloc(nodes.length * 6);
  for (const { sides, number } of nodes) {
    for (const [at, side] of sides.entries()) {
      const target =
        side === null
          ? nodes.length
          : typeof side === 'number'
            ? nodes.length + 16 + side
            : side.number;
      tree.writeUIntBE(target, number * 6 + at * 3, 3);
    }
  }
  const metadata = encode({
    node_count: nodes.length,
    record_size: 24,
    ip_version: 6,
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1,
    database_type: 'Test',
    description: {},
  });
  const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
  return Buffer.concat([tree, Buffer.alloc(16), ...data, marker, metadata]);
}

function bitsOf(address: string): (0 | 1)[] {
  const octets = isIPv4(address)
    ? [...new Array<number>(12).fill(0), ...address.split('.').map(Number)]
    : octetsOfIPv6(address);
  return octets.flatMap((octet) => {
    return Array.from({ length: 8 }, (_, at) => ((octet >> (7 - at)) & 1) as 0 | 1);
  });
}

function octetsOfIPv6(address: string): number[] {
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...new Array<string>(missing).fill('0'), ...groups(tail)];
  return all.flatMap((group) => {
    const number = Number.parseInt(group, 16);
    return [number >> 8, number & 255];
  });
}

/** Texts, whole numbers below 2^32 and maps, all shorter than 29. */
function encode(value: Value): Buffer {
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([Buffer.from([0x40 | text.length]), text]);
  }
  if (typeof value === 'number') {
    const number = Buffer.alloc(5);
    number[0] = 0xc4;
    number.writeUInt32BE(value, 1);
    return number;
  }
  const entries = Object.entries(value);
  const parts = entries.flatMap(([key, one]) => [encode(key), encode(one)]);
  return Buffer.concat([Buffer.from([0xe0 | entries.length]), ...parts]);
}
