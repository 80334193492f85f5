// The tests of http-tests/cache-tests that do not pass here, in groups with one reason each. Copied into
// docs/caching-conformance.md.

import type { Difference } from './verdict.ts';

export const differences: readonly Difference[] = [
  ...mistakesOfTheSuite(),
  ...rulesOfOurs(),
  ...notBuilt(),
  ...strictReading(),
];

function mistakesOfTheSuite(): Difference[] {
  return [
    {
      ids: [
        'stale-close-must-revalidate',
        'stale-close-proxy-revalidate',
        'stale-close-no-cache',
        'stale-close-s-maxage=2',
      ],
      reason:
        'Nothing stale is served: the client gets 502. These tests cannot be passed. Their origin closes the connection without an answer, and they look for its request count in the answer to tell that it is not a stored one; no error of a proxy has that field.',
    },
    {
      ids: [
        'age-parse-nonnumeric',
        'age-parse-negative',
        'age-parse-float',
        'age-parse-parameter',
        'age-parse-numeric-parameter',
        'age-parse-prefix-twoline',
        'age-parse-dup-0',
        'age-parse-dup-0-twoline',
        'age-parse-dup-old',
      ],
      reason:
        'RFC 9111 section 5.1 says what to do with such an Age: take the first member of a list, ignore what is no number. So do we. The tests want all of it to count as stale; two of them contradict each other (`0,7200` on one line is to be reused, on two lines it is not).',
    },
    {
      ids: ['304-etag-update-response-ETag'],
      reason:
        'The 304 names another strong ETag than the one that was asked about. RFC 9111 section 4.3.4: such an answer must not update the stored one. It is forgotten, and the peer asked once more without a condition, which this test has no answer for (status 999).',
    },
    {
      ids: ['conditional-lm-fresh-no-lm'],
      reason:
        'The stored answer has no Last-Modified, and its Date is later than If-Modified-Since: RFC 9111 section 4.3.2 has it compared with Date, so it has been modified, and the client gets it.',
    },
    {
      ids: ['conditional-etag-strong-respond-obs-text'],
      reason:
        'The client of the suite sends the tag in ISO 8859-1 and its origin in UTF-8: these are two tags.',
    },
    {
      ids: ['conditional-etag-vary-headers-mismatch'],
      reason:
        'The variant that is stored is not the one that is asked for, so there is nothing to validate. The origin answers a request without condition with status 999, which is no status of HTTP.',
    },
    {
      ids: ['freshness-expires-32bit', 'freshness-expires-far-future'],
      reason: 'The dates lack the comma behind the weekday. With it, such years are read.',
    },
  ];
}

function rulesOfOurs(): Difference[] {
  return [
    {
      ids: ['headers-store-Set-Cookie', 'other-set-cookie', '304-etag-update-response-Set-Cookie'],
      reason:
        'Cookies are for one client. Answers with Set-Cookie are not stored, and a 304 adds none to a stored answer. `storesSetCookie` keeps the rest of such an answer; peers can say `no-cache="set-cookie"`.',
    },
    {
      ids: ['headers-store-Transfer-Encoding'],
      reason:
        'The answer has a Transfer-Encoding that is none. Where its body ends cannot be known: it is refused (502), as everything whose framing can be read in two ways.',
    },
    {
      ids: ['other-date-update'],
      reason:
        'Date is written by the front engine (uWebSockets.js leaves no choice), when the answer leaves. Age is right, and the age of an answer is what decides at the client. An Expires without max-age is worth less to him than it could be: he takes the time until then twice off.',
    },
    {
      ids: ['conditional-etag-forward'],
      reason:
        'A miss is fetched without the condition of the client, so that there is something to store; then it is held against it, and the client gets his 304.',
    },
    {
      ids: ['conditional-etag-strong-generate-unquoted'],
      reason:
        'The tag lacks its quotes. It is sent back as it came: the peer that made it knows it like this.',
    },
    {
      ids: [
        'conditional-etag-quoted-respond-unquoted',
        'conditional-etag-unquoted-respond-unquoted',
        'conditional-etag-unquoted-respond-quoted',
        'conditional-etag-weak-respond-lowercase',
        'conditional-etag-weak-respond-backslash',
        'conditional-etag-weak-respond-omit-slash',
      ],
      reason:
        'These are no entity tags (RFC 9110 section 8.8.3). What is not understood matches nothing: the client gets the whole answer.',
    },
    {
      ids: ['ccreq-no-store'],
      reason:
        'no-store in a request forbids to store its answer (RFC 9111 section 5.2.1.5), and says nothing about answers that are stored.',
    },
    {
      ids: ['pragma-request-no-cache', 'pragma-response-no-cache-heuristic'],
      reason:
        'Pragma: no-cache counts where there is no Cache-Control, from clients and from peers. The second is more careful than RFC 9111 section 5.4 asks for.',
    },
    {
      ids: ['vary-normalise-lang-order'],
      reason:
        'Many applications prefer the first of two languages of equal weight. To them these are two requests.',
    },
    {
      ids: ['heuristic-delta-5', 'heuristic-delta-10', 'heuristic-delta-30'],
      reason:
        'A tenth of the time since Last-Modified is less than the 3 seconds that these tests wait.',
    },
  ];
}

function notBuilt(): Difference[] {
  return [
    {
      ids: [
        'surrogate-max-age',
        'surrogate-max-age-max',
        'surrogate-max-age-max-plus',
        'surrogate-max-age-me-target',
        'surrogate-no-store-cc-fresh',
        'surrogate-fresh-cc-nostore',
        'surrogate-append-capabilities',
      ],
      reason:
        'Surrogate-Control, of a W3C note of 2001, is not read. CDN-Cache-Control (RFC 9213) is, which is its successor with the same rank.',
    },
    {
      ids: [
        'partial-store-partial-reuse-partial',
        'partial-store-partial-reuse-partial-byterange',
        'partial-store-partial-reuse-partial-absent',
        'partial-store-partial-reuse-partial-suffix',
        'partial-store-partial-complete',
      ],
      reason:
        'Parts (206) are not stored. A request for a part is sent as one for the whole, from which parts are cut then. Here the origin sends a part though it was asked for the whole, and is asked again for what the client wants: that is the second request that the suite complains of.',
    },
    {
      ids: ['method-POST'],
      reason:
        'Answers to POST are not stored, not even those that say for which GET they would be good.',
    },
    {
      ids: ['vary-normalise-lang-select'],
      reason:
        'Which language the peer would choose is not guessed from the Content-Language of another answer.',
    },
    {
      ids: ['head-writethrough'],
      reason:
        'A HEAD that finds nothing fresh is sent as GET, so that the next clients find something, as nginx and Varnish do. `headAsGet: false` sends one that finds nothing as it is.',
    },
    {
      ids: ['stale-warning-stored', 'stale-warning-become'],
      reason: 'RFC 9111 section 5.5 has abolished Warning. Cache-Status tells what is stale.',
    },
  ];
}

function strictReading(): Difference[] {
  return [
    {
      ids: [
        'freshness-expires-wrong-case-weekday',
        'freshness-expires-wrong-case-month',
        'freshness-expires-wrong-case-tz',
        'freshness-expires-invalid-utc',
        'freshness-expires-invalid-aest',
        'freshness-expires-invalid-2-digit-year',
        'freshness-expires-invalid-no-comma',
        'freshness-expires-invalid-multiple-spaces',
        'freshness-expires-invalid-date-dashes',
        'freshness-expires-invalid-time-periods',
        'freshness-expires-invalid-1-digit-hour',
        'freshness-expires-invalid-multiple-lines',
      ],
      reason:
        'An Expires that is no date in one of the three forms of RFC 9110 section 5.6.7 is in the past (RFC 9111 section 5.3).',
    },
    {
      ids: [
        'freshness-max-age-decimal-zero',
        'freshness-max-age-decimal-five',
        'freshness-max-age-a100',
        'freshness-max-age-100a',
      ],
      reason: 'A max-age that is no number counts as 0: in doubt less is reused.',
    },
    {
      ids: [
        'freshness-max-age-two-stale-fresh-sameline',
        'freshness-max-age-two-stale-fresh-sepline',
      ],
      reason: 'Of two max-age the first counts (RFC 9111 section 4.2.1 allows that).',
    },
    {
      ids: ['freshness-max-age-space-before-equals'],
      reason:
        'Blanks around `=` are skipped. What is meant cannot be mistaken, and a no-cache of this kind must not be missed either.',
    },
  ];
}
