// What `import { definePlugin } from 'sluice/plugin'` gives: the types of a plugin, and a function that
// checks it against them. Strings of requests and responses are byte strings: one character is one octet.

/** A request on its way to a peer, while a plugin looks at it. Nothing is read before it is asked for. */
export interface PluginRequest {
  /** As in the access log and in X-Request-Id. */
  readonly id: string;
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** Host as received. */
  readonly host: string;
  /** Without the query. Setting it goes through the policy of paths, which may throw. */
  path: string;
  /** Behind the question mark, as sent; '' without. */
  query: string;
  /** Name of the route. */
  readonly route: string;
  /** Who the client is, as far as trusted proxies tell. */
  readonly clientAddress: string;
  /** Who the client proved to be; '' for nobody. */
  readonly user: string;
  /** Credentials of some kind were asked for and found good. */
  readonly isIdentified: boolean;
  /** Upstream that the request goes to, one of those that the route names in `to`; '' where it has none. */
  upstream: string;
  /** Kept from the request to the response of the same exchange, for this plugin alone. */
  readonly state: Record<string, unknown>;
  /** Aborted when the exchange is over, the client has left or the time is up. */
  readonly signal: AbortSignal;
  /** Part of the path by its name in the pattern of the route. */
  capture(name: string): string | undefined;
  /** First value of a field, in any case. */
  header(name: string): string | undefined;
  /** Names (lower-case) and values, in their order. */
  headers(): readonly (readonly [name: string, value: string])[];
  /** In place of all others of the name. Throws on what can't be a field, or frames messages. */
  setHeader(name: string, value: string): void;
  /** Beside others of the name. */
  addHeader(name: string, value: string): void;
  removeHeader(name: string): void;
  /** First value of a query parameter, decoded as forms are. */
  queryValue(name: string): string | undefined;
  queryValues(name: string): readonly string[];
}

/** A response on its way to the client, while a plugin looks at its head. */
export interface PluginResponse {
  /** Can be set to another status that has a body as well, or none as well. */
  status: number;
  header(name: string): string | undefined;
  headers(): readonly (readonly [name: string, value: string])[];
  setHeader(name: string, value: string): void;
  addHeader(name: string, value: string): void;
  removeHeader(name: string): void;
}

/** An answer in place of a peer's. */
export interface PluginAnswer {
  /** 200 to 599; 200 by default. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Text is sent in UTF-8, as text/plain unless `headers` say otherwise. */
  readonly body?: string | Uint8Array;
}

/** What changes a body as it streams through; it gets decoded bytes, and none of a part of a whole. */
export interface BodyTransform {
  /** Returns what goes on in place of `bytes`, which are valid only during the call; nothing: hold back. */
  chunk(bytes: Uint8Array): Uint8Array | string | undefined;
  /** The body is complete: returns what still goes on. */
  end?(): Uint8Array | string | undefined;
}

/** What a handler is told besides the request. */
export interface HandlerContext<Options> {
  readonly options: Options;
  readonly id: string;
  readonly route: string;
  readonly clientAddress: string;
  readonly user: string;
  readonly isIdentified: boolean;
  capture(name: string): string | undefined;
}

/** Nothing: the request goes on. */
export type RequestOutcome = PluginAnswer | undefined;

export interface Plugin<Options = unknown> {
  /** Checks and completes what a route says; throws an Error that says what was expected. */
  options?(written: Readonly<Record<string, unknown>>): Options;
  /** Looks at a request before it is sent on. A promise holds the request, up to `timeoutMs`. */
  request?(request: PluginRequest, options: Options): RequestOutcome | Promise<RequestOutcome>;
  /** Looks at the head of every response of the route, stored ones too; at once, never by a promise. */
  response?(
    response: PluginResponse,
    request: PluginRequest,
    options: Options,
  ): BodyTransform | undefined;
  /** Answers requests of routes that name the plugin as their handler. */
  fetch?(request: Request, context: HandlerContext<Options>): Response | Promise<Response>;
  /** Another version is in its place and nothing of this one runs any more: ends timers, closes clients. */
  close?(): void | Promise<void>;
}

/** Returns `plugin` as it is; one that is none fails to type-check. */
export function definePlugin<Options = Readonly<Record<string, unknown>>>(
  plugin: Plugin<Options>,
): Plugin<Options> {
  return plugin;
}

/** Returns a text as the byte string that sends it in UTF-8. */
export function octets(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
