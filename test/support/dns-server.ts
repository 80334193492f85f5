// A name server on UDP that a test holds in its hand: it answers A, AAAA and SRV with TTLs, or hangs, or
// fails, and changes its mind at any time. Real packets (RFC 1035), one question each.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import type { Cleanup } from './deadline.ts';

export interface ServiceRecord {
  readonly target: string;
  readonly port: number;
  readonly priority?: number;
  readonly weight?: number;
}

export interface Zone {
  /** IPv4 and IPv6. */
  readonly addresses?: readonly string[];
  readonly services?: readonly ServiceRecord[];
  /** In s; 1 by default. */
  readonly ttl?: number;
}

/** `hang`: no answer at all; the others are the response codes of the same names. */
export type Mood = 'answer' | 'hang' | 'servfail' | 'refused';

const types = { A: 1, AAAA: 28, SRV: 33 } as const;
const responseCodes = { answer: 0, servfail: 2, nxdomain: 3, refused: 5 } as const;
const HEAD_BYTES = 12;

/** Starts a name server on 127.0.0.1. */
export async function startDnsServer(context: Cleanup): Promise<DnsServer> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const server = new DnsServer(socket);
  context.after(() => server.close());
  return server;
}

export class DnsServer {
  /** By name; a name without an entry does not exist. */
  readonly zones = new Map<string, Zone>();
  /** What it does with questions of this type for any name; answers by default. */
  readonly moods = new Map<keyof typeof types, Mood>();
  /** Questions so far, as 'A app.internal'. */
  readonly asked: string[] = [];
  mood: Mood = 'answer';
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (packet, from) => this.#receive(packet, from));
    socket.unref();
  }

  /** As `discovery.servers` wants it. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  /** How often a question was asked. */
  count(question: string): number {
    return this.asked.filter((one) => one === question).length;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #receive(packet: Buffer, from: RemoteInfo): void {
    const question = readQuestion(packet);
    if (question === null) return;
    const { name, type, bytes } = question;
    const typeName = (Object.keys(types) as (keyof typeof types)[]).find(
      (known) => types[known] === type,
    );
    this.asked.push(`${typeName ?? type} ${name}`);
    const mood =
      this.mood !== 'answer' || typeName === undefined
        ? this.mood
        : (this.moods.get(typeName) ?? 'answer');
    if (mood === 'hang') return;
    const zone = this.zones.get(name);
    const isKnown = mood === 'answer' && zone !== undefined && typeName !== undefined;
    const records = isKnown ? recordsOf(zone, typeName) : [];
    const code = mood === 'answer' && zone === undefined ? 'nxdomain' : mood;
    const head = Buffer.alloc(HEAD_BYTES);
    packet.copy(head, 0, 0, 2);
    // A response, authoritative, recursion desired and available.
    head.writeUInt16BE(0x8580 | responseCodes[code], 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    const answers = records.map((data) => answer(type, zone?.ttl ?? 1, data));
    this.#socket.send(Buffer.concat([head, bytes, ...answers]), from.port, from.address);
  }
}

function readQuestion(packet: Buffer): { name: string; type: number; bytes: Buffer } | null {
  const labels: string[] = [];
  let at = HEAD_BYTES;
  for (let size = packet[at]; size !== undefined && size > 0; size = packet[at]) {
    labels.push(packet.toString('latin1', at + 1, at + 1 + size));
    at += size + 1;
  }
  const end = at + 5;
  if (end > packet.length) return null;
  const name = labels.join('.').toLowerCase();
  return { name, type: packet.readUInt16BE(at + 1), bytes: packet.subarray(HEAD_BYTES, end) };
}

function recordsOf(zone: Zone, type: keyof typeof types): Buffer[] {
  if (type === 'SRV') return (zone.services ?? []).map(serviceData);
  const wanted = (zone.addresses ?? []).filter((address) => isIPv4(address) === (type === 'A'));
  return wanted.map(type === 'A' ? addressData4 : addressData6);
}

function answer(type: number, ttl: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  // The name is that of the question, at offset 12.
  head.writeUInt16BE(0xc000 | HEAD_BYTES, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function addressData4(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

function addressData6(address: string): Buffer {
  const [left = '', right] = address.split('::');
  const words = (part: string) =>
    part === '' ? [] : part.split(':').map((word) => parseInt(word, 16));
  const [before, after] = [words(left), words(right ?? '')];
  const gap = right === undefined ? 0 : 8 - before.length - after.length;
  const data = Buffer.alloc(16);
  for (const [at, word] of [...before, ...Array(gap).fill(0), ...after].entries()) {
    data.writeUInt16BE(word, at * 2);
  }
  return data;
}

function serviceData({ target, port, priority = 0, weight = 0 }: ServiceRecord): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(priority, 0);
  head.writeUInt16BE(weight, 2);
  head.writeUInt16BE(port, 4);
  const labels = target
    .split('.')
    .filter(Boolean)
    .map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  return Buffer.concat([head, ...labels, Buffer.from([0])]);
}
