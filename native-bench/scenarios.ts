// The work that all contenders do alike, as data. A new scenario is a row here and, if it needs one, a
// location in peers-config/origin-nginx.conf.

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Simultaneous keep-alive connections of the load generator. */
  readonly connections: number;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Bytes of request body. */
  readonly requestBodyBytes: number;
  /** Bytes of response body that every contender must deliver. */
  readonly responseBodyBytes: number;
  /** Request header fields besides Host. */
  readonly headers: readonly string[];
}

export const SMALL_BODY_BYTES = 1024;
export const LARGE_BODY_BYTES = 64 * 1024;

/** What a browser sends with a request inside a site: fifteen fields with Host. */
const browserHeaders = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Language: en-GB,en;q=0.5',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Referer: https://app.example.com/catalogue/shoes?page=2',
  'Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; consent=yes',
  'DNT: 1',
  'Sec-GPC: 1',
  'Upgrade-Insecure-Requests: 1',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Site: same-origin',
  'Priority: u=0, i',
  'Cache-Control: max-age=0',
];

const smallGet: Scenario = {
  name: 'small-get',
  title: 'GET 1 KiB, 64 connections',
  connections: 64,
  method: 'GET',
  path: '/small',
  requestBodyBytes: 0,
  responseBodyBytes: SMALL_BODY_BYTES,
  headers: [],
};

export const scenarios: readonly Scenario[] = [
  smallGet,
  { ...smallGet, name: 'small-get-256', title: 'GET 1 KiB, 256 connections', connections: 256 },
  { ...smallGet, name: 'small-get-1024', title: 'GET 1 KiB, 1,024 connections', connections: 1024 },
  {
    ...smallGet,
    name: 'browser-headers',
    title: 'GET 1 KiB with 15 browser header fields, 64 connections',
    headers: browserHeaders,
  },
  {
    ...smallGet,
    name: 'body-64k',
    title: 'GET 64 KiB, 64 connections',
    path: '/64k.bin',
    responseBodyBytes: LARGE_BODY_BYTES,
  },
  {
    ...smallGet,
    name: 'post-1k',
    title: 'POST 1 KiB, 64 connections',
    method: 'POST',
    requestBodyBytes: 1024,
  },
];

/** Returns the scenario called `name`; throws with the list of names. */
export function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((each) => each.name === name);
  if (found === undefined) {
    const names = scenarios.map((each) => each.name).join(', ');
    throw new Error(`unknown scenario ${name}; there are ${names}`);
  }
  return found;
}
