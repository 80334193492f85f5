// Makes the pages in place of errors out of their settings: of a route, or of all requests that have none.

import type { RouteConfig } from '../config/schema.ts';
import type { Plan } from '../core/plan.ts';
import { bodyOf, PAGE_BYTES_MAX } from './compile-rewrite.ts';
import { retryPolicy } from './compile-upstream.ts';
import { FetchedPage } from './fetched-page.ts';
import { type ErrorPage, PagesByStatus } from './filter/answer/error-pages.ts';
import { PageText } from './filter/answer/page-text.ts';
import type { BodySource } from './filter/answer/respond.ts';
import type { RouteContext } from './route-context.ts';

type PageConfig = RouteConfig['errorPages'][string];

/** Returns the pages, or null when there are none. */
export function compileErrorPages(
  pages: RouteConfig['errorPages'],
  context: RouteContext,
): PagesByStatus | null {
  const entries = Object.entries(pages);
  if (entries.length === 0) return null;
  return new PagesByStatus(
    new Map(entries.map(([status, page]) => [status, compilePage(page, context)])),
  );
}

function compilePage(page: PageConfig, context: RouteContext): ErrorPage {
  const { file, contentType, intercept, variables } = page;
  return {
    contentType,
    intercept,
    text: variables ? new PageText(contentType) : null,
    body:
      file === null ? fetchedBody(page, context) : bodyOf({ body: '', bodyFile: file }, context),
  };
}

function fetchedBody({ upstream, path, refreshMs }: PageConfig, context: RouteContext): BodySource {
  const { kept, events, exchanges } = context;
  const plan = planFor(upstream!, context);
  const page = kept.get(`page:${JSON.stringify([upstream, path, refreshMs])}`, () => {
    const bytesMax = PAGE_BYTES_MAX;
    const options = { upstream: upstream!, path, refreshMs, bytesMax, events, exchanges };
    return new FetchedPage(options, plan);
  });
  page.follow(plan);
  return () => page.content;
}

/** The plan of a request of our own: it names no client, and its answer is for nobody else. */
function planFor(name: string, { upstreams, responseHead, trust }: RouteContext): Plan {
  const upstream = upstreams.get(name);
  if (upstream === undefined) throw new Error(`error pages: no upstream ${name}`);
  const { config, transports, balancer, queue, breaker } = upstream;
  const { hostHeader } = config;
  const isNamed = hostHeader !== 'client' && hostHeader !== 'peer';
  return Object.freeze({
    ...{ route: 'error pages', routeIndex: 0, filters: null, split: null, session: null },
    ...{ balancer, queue, priority: 0, samplesLatency: false, mirror: null },
    ...{ upstream: transports.http, tunnel: transports.tunnel, retry: retryPolicy(config) },
    ...{ failingStatuses: null, breaker, hedging: null, cache: null },
    requestHead: {
      hostHeader: isNamed ? { literal: hostHeader } : 'peer',
      ...{ trust, forwarded: 'off', via: null, edits: null },
    },
    ...{ peerStages: null, clientStages: null, responseHead, requestBodyBytesMax: 0 },
    ...{ errorPages: null, answerEdits: null },
  } satisfies Plan);
}
