// What `import { defineConfig, expect, GET } from 'sluice'` gives: types for a configuration, and tests of
// its routing as plain data.

import type { ConfigInput } from './schema.ts';

type UpstreamInput = ConfigInput['upstreams'][string];
type RouteInput = ConfigInput['routes'][number];

/** A test of routing as a configuration has it. */
export type RoutingTest = NonNullable<ConfigInput['tests']>[number];

/** A request of a test. */
export type TestRequest = Pick<
  RoutingTest,
  'request' | 'headers' | 'body' | 'client' | 'country' | 'continent' | 'asn'
>;

/** What a request of a test may say besides its method and URL. */
export type TestRequestParts = Omit<TestRequest, 'request'>;

/** A configuration whose routes may only name upstreams that it has. */
export interface SluiceConfig<Name extends string>
  extends Omit<ConfigInput, 'upstreams' | 'routes'> {
  /** Groups of backend servers, by name. */
  upstreams: Record<Name, UpstreamInput>;
  /** Which requests go where; the most specific wins, whatever the order. */
  routes: (Omit<RouteInput, 'to' | 'mirror'> & {
    /** The upstream that answers, or several with weights. */
    to?: NoInfer<Name> | { upstream: NoInfer<Name>; weight?: number }[];
    /** Copies requests to a shadow upstream after they are answered. */
    mirror?: { to: NoInfer<Name>; percent?: number } | null;
  })[];
}

/** Returns `config` as it is; a route to an upstream that does not exist fails to type-check. */
export function defineConfig<const Name extends string>(
  config: SluiceConfig<Name>,
): SluiceConfig<Name> {
  return config;
}

/** Returns a request for a test, e.g. `ask('PUT', 'https://example.com/a')`. */
export function ask(method: string, url: string, parts: TestRequestParts = {}): TestRequest {
  return { request: `${method} ${url}`, ...parts };
}

/** Returns a GET request for a test. */
export function GET(url: string, parts: TestRequestParts = {}): TestRequest {
  return ask('GET', url, parts);
}

/** Returns a POST request for a test. */
export function POST(url: string, parts: TestRequestParts = {}): TestRequest {
  return ask('POST', url, parts);
}

/** Returns what can be expected of a request; every outcome is an item for `tests`. */
export function expect(request: TestRequest) {
  return {
    /** It reaches the upstream, or that is one of several. */
    toReach: (upstream: string): RoutingTest => ({ ...request, upstream }),
    /** It takes the route of that name. */
    toTake: (route: string): RoutingTest => ({ ...request, route }),
    /** It is sent elsewhere. */
    toRedirect: (location: string, status?: 301 | 302 | 303 | 307 | 308): RoutingTest => ({
      ...request,
      location,
      ...(status === undefined ? {} : { status }),
    }),
    /** It is answered without an upstream; 400 when its target is refused, 404 without a route. */
    toRespond: (status: number): RoutingTest => ({ ...request, status }),
  };
}
