// Names of request fields seen often. The engine makes a new string of every name that it hands out, and
// whoever looks one up in a set pays for its hash (60 ns). Of these there is one string for all requests:
// its hash is known, and it equals others at a glance.

/** Of these many clients send the same value, again and again, and none of them is a secret. */
const REPEATED: readonly string[] = [
  ...'accept accept-charset accept-encoding accept-language cache-control connection'.split(' '),
  ...'content-encoding content-language content-type dnt expect host keep-alive origin'.split(' '),
  ...'pragma priority proxy-connection sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform'.split(' '),
  ...'sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user sec-gpc'.split(' '),
  ...'sec-websocket-extensions sec-websocket-version te trailer transfer-encoding'.split(' '),
  ...'upgrade upgrade-insecure-requests user-agent via x-forwarded-host'.split(' '),
  ...'x-forwarded-port x-forwarded-proto x-requested-with'.split(' '),
];

const OTHERS: readonly string[] = [
  ...'authorization content-length cookie date forwarded from if-match if-modified-since'.split(
    ' ',
  ),
  ...'if-none-match if-range if-unmodified-since max-forwards range referer'.split(' '),
  ...'sec-websocket-key sec-websocket-protocol traceparent tracestate x-api-key'.split(' '),
  ...'x-csrf-token x-forwarded-for x-real-ip x-request-id'.split(' '),
];

const SLOTS = 512;
const names = buildTable();
const isRepeated = Uint8Array.from(names, (name) =>
  name !== null && REPEATED.includes(name) ? 1 : 0,
);

/** Returns the place of a common name, -1 for any other. */
export function placeOf(name: string): number {
  for (let slot = startOf(name); ; slot = (slot + 1) & (SLOTS - 1)) {
    const common = names[slot]!;
    if (common === null) return -1;
    if (common === name) return slot;
  }
}

/** Returns the one string that is kept of the common name at `place`. */
export function commonName(place: number): string {
  return names[place]!;
}

/** Whether the value that comes with the common name at `place` is likely to come again. */
export function hasRepeatedValue(place: number): boolean {
  return isRepeated[place] === 1;
}

/** Mixes what is cheap to see of a name; with these factors two names of the list have to move on. */
function startOf(name: string): number {
  const { length } = name;
  return (length + name.charCodeAt(0) * 19 + name.charCodeAt(length - 1) * 5) & (SLOTS - 1);
}

function buildTable(): readonly (string | null)[] {
  const slots: (string | null)[] = new Array(SLOTS).fill(null);
  for (const name of [...REPEATED, ...OTHERS]) {
    let slot = startOf(name);
    while (slots[slot] !== null) slot = (slot + 1) & (SLOTS - 1);
    slots[slot] = name;
  }
  return slots;
}
