// Which handler answers a path of the admin server. Templates such as '/api/upstreams/{name}' match segment
// by segment; what stands in braces is handed over percent-decoded.

import type { AdminAnswer } from './admin-answer.ts';

export interface AdminRequest {
  /** By the names in the template. */
  readonly params: Readonly<Record<string, string>>;
  /** The If-Match field, null when there is none. */
  readonly ifMatch: string | null;
  /** JSON of the body; undefined when there is none. */
  readonly body: unknown;
}

export type AdminMethod = 'GET' | 'POST' | 'PATCH' | 'DELETE';

export interface AdminRoute {
  readonly method: AdminMethod;
  readonly path: string;
  readonly answer: (request: AdminRequest) => AdminAnswer | Promise<AdminAnswer>;
}

export type RouteMatch =
  | { readonly kind: 'route'; readonly route: AdminRoute; readonly params: AdminRequest['params'] }
  /** The path is there, for these methods. */
  | { readonly kind: 'other-methods'; readonly allow: string }
  | { readonly kind: 'nothing' };

/** Finds the route for a request target; HEAD is answered like GET. */
export function findRoute(
  routes: readonly AdminRoute[],
  method: string,
  target: string,
): RouteMatch {
  const path = target.split('?', 1)[0]!;
  const allowed = new Set<string>();
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (params === null) continue;
    if (route.method === (method === 'HEAD' ? 'GET' : method)) {
      return { kind: 'route', route, params };
    }
    allowed.add(route.method);
    if (route.method === 'GET') allowed.add('HEAD');
  }
  if (allowed.size === 0) return { kind: 'nothing' };
  return { kind: 'other-methods', allow: [...allowed].join(', ') };
}

function matchPath(template: string, path: string): Record<string, string> | null {
  const wanted = template.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [at, segment] of wanted.entries()) {
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (name === undefined) {
      if (segment !== given[at]) return null;
      continue;
    }
    const value = decode(given[at]!);
    if (value === null || value === '') return null;
    params[name] = value;
  }
  return params;
}

function decode(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
