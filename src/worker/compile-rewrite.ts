// What a route changes in requests and responses, and what it answers by itself, compiled into filters,
// stages and edits. Null where a route asks for nothing of the kind.

import type { RouteConfig } from '../config/schema.ts';
import type { Exchange } from '../core/exchange.ts';
import type { RequestFilter, ResponseStage } from '../core/filter.ts';
import { withoutFields } from '../core/headers.ts';
import { MIB } from '../core/limits.ts';
import type { HeaderEdits } from '../core/plan.ts';
import type { Sink } from '../core/sink.ts';
import { WatchedFile } from '../std/watched-file.ts';
import { decodeBody } from './compress/decode-body.ts';
import { closeConnection } from './filter/answer/close.ts';
import { Redirect } from './filter/answer/redirect.ts';
import { type BodySource, Maintenance, Respond } from './filter/answer/respond.ts';
import { compileHeaderEdits, EditResponseHeaders } from './filter/rewrite/header-edits.ts';
import { MapBack } from './filter/rewrite/map-back.ts';
import { ReplaceBody } from './filter/rewrite/replace-body.ts';
import { compileRewrite } from './filter/rewrite/rewrite-target.ts';
import type { RouteContext } from './route-context.ts';

/** Largest page of the operator. */
export const PAGE_BYTES_MAX = 4 * MIB;

/** What an encoded body may come to when it must be decoded for replacements. */
const DECODED = { bytesMax: 256 * MIB, ratioMax: 200 };

export function compileMaintenance(
  { maintenance }: RouteConfig,
  context: RouteContext,
): RequestFilter | null {
  if (maintenance === null) return null;
  return new Maintenance(maintenance, bodyOf(maintenance, context));
}

export function compileTargetRewrite(
  { rewrite }: RouteConfig,
  { config }: RouteContext,
): RequestFilter | null {
  return compileRewrite(rewrite, config.paths);
}

/** Compiles what answers in place of an upstream. */
export function compileAnswer(
  { redirect, respond, close }: RouteConfig,
  context: RouteContext,
): RequestFilter | null {
  if (redirect !== null) return new Redirect(redirect);
  if (respond !== null) return new Respond(respond, bodyOf(respond, context));
  return close ? closeConnection : null;
}

/** Parts of a body can't be rewritten as if they were the whole. */
const OF_PARTS: ReadonlySet<string> = new Set(['range', 'if-range']);

const wholeBodies: RequestFilter = {
  name: 'whole-bodies',
  apply(exchange: Exchange): undefined {
    exchange.requestHeaders = withoutFields(exchange.requestHeaders, OF_PARTS);
  },
};

/** Compiles the edits of the fields for peers. */
export function compileRequestEdits({
  requestHeaders,
  replaceBody,
}: RouteConfig): HeaderEdits | null {
  const remove = replaceBody === null ? [] : [...OF_PARTS];
  return compileHeaderEdits({ ...requestHeaders, remove: [...requestHeaders.remove, ...remove] });
}

export function compileResponseEdits({ responseHeaders }: RouteConfig): ResponseStage | null {
  const edits = compileHeaderEdits(responseHeaders);
  return edits === null ? null : new EditResponseHeaders(edits);
}

/** Compiles the edits of answers that no peer gave. */
export function compileAnswerEdits({ responseHeaders }: RouteConfig): HeaderEdits | null {
  return responseHeaders.always ? compileHeaderEdits(responseHeaders) : null;
}

export function compileMapBack(
  { to, rewrite, mapBack }: RouteConfig,
  { config }: RouteContext,
): ResponseStage | null {
  const { stripPrefix, addPrefix } = rewrite;
  const upstreams = to.map(({ upstream }) => config.upstreams[upstream]!);
  const isMoved = stripPrefix !== null || addPrefix !== null;
  const isRenamed = upstreams.some(({ hostHeader }) => hostHeader !== 'client');
  const location = mapBack.location ?? (isMoved || isRenamed);
  const { cookieDomain, cookiePath } = mapBack;
  const mapsCookies = Object.keys(cookieDomain).length + Object.keys(cookiePath).length > 0;
  if (!location && !mapsCookies) return null;
  const origins = new Set(upstreams.flatMap(({ peers }) => peers.map(({ url }) => url)));
  for (const { hostHeader } of upstreams) {
    // Peers that are told another name speak of themselves by that.
    if (hostHeader === 'client' || hostHeader === 'peer') continue;
    for (const scheme of ['http', 'https']) origins.add(`${scheme}://${hostHeader}`);
  }
  return new MapBack({ origins, location, stripPrefix, addPrefix, cookieDomain, cookiePath });
}

/**
 * Compiles replacements in bodies: before the cache, so that they are done once, unless their outcome goes
 * by the request.
 */
export function compileReplaceBody(
  { replaceBody }: RouteConfig,
  place: 'peer' | 'client',
): ResponseStage | null {
  if (replaceBody === null) return null;
  if (isPersonal(replaceBody) !== (place === 'client')) return null;
  const decode = (exchange: Exchange, next: Sink) => decodeBody(exchange, next, DECODED);
  return new ReplaceBody(replaceBody, decode);
}

/** Returns the filter that keeps a cache from cutting parts out of bodies that are changed behind it, or null. */
export function compileWholeBodies({ replaceBody, cache }: RouteConfig): RequestFilter | null {
  return cache === null || replaceBody === null || !isPersonal(replaceBody) ? null : wholeBodies;
}

/** Its outcome goes by the request. */
function isPersonal({ html, text, regex }: NonNullable<RouteConfig['replaceBody']>): boolean {
  return [...html, ...text, ...regex].some(({ to }) => hasVariables(to));
}

/** Groups of an expression are of the body, all other variables of the request. */
function hasVariables(template: string): boolean {
  return /\{[a-z]/.test(template.replaceAll('{{', ''));
}

/** Returns what a body is, from a file or as written. */
export function bodyOf(
  { body, bodyFile }: { readonly body: string; readonly bodyFile: string | null },
  { kept, events }: RouteContext,
): BodySource {
  if (bodyFile === null) {
    const bytes = Buffer.from(body, 'utf8');
    return () => bytes;
  }
  const file = kept.get(`file:${bodyFile}`, () => {
    const onProblem = (reason: string) =>
      events.error({ path: bodyFile, reason }, 'page can not be used');
    return new WatchedFile({ path: bodyFile, bytesMax: PAGE_BYTES_MAX, onProblem });
  });
  return () => file.content;
}
