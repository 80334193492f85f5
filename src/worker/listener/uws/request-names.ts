// Names of request fields seen often. The engine makes a new string of every name that it hands out, and
// whoever looks one up in a set pays for its hash (60 ns). Of these there is one string for all requests:
// its hash is known, and it equals others at a glance.

const COMMON: readonly string[] = [
  ...'accept accept-charset accept-encoding accept-language authorization cache-control'.split(' '),
  ...'connection content-encoding content-language content-length content-type cookie'.split(' '),
  ...'date dnt expect forwarded from host if-match if-modified-since if-none-match'.split(' '),
  ...'if-range if-unmodified-since keep-alive max-forwards origin pragma priority'.split(' '),
  ...'proxy-connection range referer sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform'.split(' '),
  ...'sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user sec-gpc'.split(' '),
  ...'sec-websocket-extensions sec-websocket-key sec-websocket-protocol'.split(' '),
  ...'sec-websocket-version te traceparent tracestate trailer transfer-encoding upgrade'.split(' '),
  ...'upgrade-insecure-requests user-agent via x-api-key x-csrf-token x-forwarded-for'.split(' '),
  ...'x-forwarded-host x-forwarded-port x-forwarded-proto x-real-ip x-request-id'.split(' '),
  ...'x-requested-with'.split(' '),
];

const SLOTS = 512;
const table: readonly (string | null)[] = buildTable();

/** Returns the one string that is kept of a common name, any other name as it is. */
export function commonName(name: string): string {
  for (let slot = slotOf(name); ; slot = (slot + 1) & (SLOTS - 1)) {
    const common = table[slot]!;
    if (common === null) return name;
    if (common === name) return common;
  }
}

/** Mixes what is cheap to see of a name; with these factors two names of the list have to move on. */
function slotOf(name: string): number {
  const { length } = name;
  return (length + name.charCodeAt(0) * 19 + name.charCodeAt(length - 1) * 5) & (SLOTS - 1);
}

function buildTable(): (string | null)[] {
  const slots: (string | null)[] = new Array(SLOTS).fill(null);
  for (const name of COMMON) {
    let slot = slotOf(name);
    while (slots[slot] !== null) slot = (slot + 1) & (SLOTS - 1);
    slots[slot] = name;
  }
  return slots;
}
