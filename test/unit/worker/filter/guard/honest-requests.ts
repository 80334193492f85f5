// Requests as honest clients make them, in the shapes of public sites: shops, search, blogs, APIs, OAuth,
// analytics, images, source browsers. What people type has quotes, brackets and words of SQL in it.

import fc from 'fast-check';
import type { RawHeaders } from '../../../../../src/core/headers.ts';

export interface HonestRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: RawHeaders;
  readonly body: string;
}

const WORDS =
  'shoes café naïve zürich 東京 select order drop table update from where having group by insert into script alert exec sleep cat ls ping curl bash java script the c++ c# .net node.js o\'neill rock\'n\'roll "exact phrase" (used) [new] {draft} 50% a&b x+1 1+1 2>1 <3 ;-) :-) e-mail user@example.com #tag @me $5 ~10 ../ ... -- --- /* | || ? ! * it\'s don\'t O\'Reilly and or not 5\'10" 12" "a" or "b" D&D R&D select a seat from row 5; union select committee; order by phone; drop the table; update 5 set; script writing; alert (red); the /etc directory; price < 100 and size > 5; or else; 1 or 2; 3 and 4; what\'s or isn\'t; I\'m; "quoted"; a -> b; foo() { }; sleep 8 hours; the cat sat; type of; more or less; head first'
    .split(/[ ;]+/)
    // Of signs alone only what people type for themselves.
    .filter((word) => /[\p{L}\d]|^:-\)|^;-\)|^\.\.\.$/u.test(word) && word !== '2>1')
    .concat([
      'select a seat from row 5',
      'union select committee report',
      'european union select committee from 1990',
      'order by phone',
      'drop the table; create memories',
      "what's or isn't",
      'price < 100 and size > 5',
      'javascript: the good parts',
      'how to alert (someone)',
      'sleep 8 hours; wake up',
      'cat; dog; bird',
      "O'Brien and Sons",
      "rock 'n' roll or jazz = fun",
      '"new york" or "los angeles"',
      'a > b && c < d',
      'insert into the slot; delete from list',
      'C:\\Users\\me\\file.txt',
      'let x = y; z',
      '<3 you',
      'if (a < b) then',
      'Tom & Jerry; the movie',
      'it costs $5 (or 6)',
      'use ../ for the parent',
      'ping me at 5; ls later',
      'where id = 5',
      '{{name}}',
      '100% of 50%',
      "the '90s -- and after",
      'line one\nhost of the party',
    ]);

const word = fc.constantFrom(...WORDS);
const phrase = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' '));
const id = fc.oneof(
  fc.integer({ min: 1, max: 99_999_999 }).map(String),
  fc.uuid(),
  fc.base64String({ minLength: 8, maxLength: 60 }),
  fc.stringMatching(/^[a-z0-9]{6,32}$/),
);
const segment = fc.oneof(
  fc.constantFrom('en', 'api', 'v2', 'users', 'products', 'wiki', 'search', 'blog', 'images', 'p'),
  fc.constantFrom(
    '2024',
    'etc',
    'proc',
    'bin',
    'Main_Page',
    'shoes-for-men',
    'a.b',
    'C++',
    'my.env',
  ),
  fc.constantFrom('how-to-drop-a-table', 'union-select-committee', 'alert(1)-explained', '~me'),
  id.map((text) => encodeURIComponent(text)),
  phrase.map((text) => encodeURIComponent(text.replaceAll(/[/\\]|[\n]/g, ''))),
);
const file = fc.constantFrom(
  '',
  '/',
  '.html',
  '.js',
  '.min.css',
  '.php',
  '.png',
  '@2x.webp',
  '.json',
);
const url = fc
  .tuple(fc.constantFrom('https://example.com', 'http://localhost:3000'), segment)
  .map(([origin, path]) => `${origin}/${path}?a=b&c=d`);
const name = fc.constantFrom(
  'q',
  'id',
  'page',
  'sort',
  'filter[price]',
  'utm_source',
  'state',
  'x',
);
const email = fc.stringMatching(/^[a-z][a-z0-9.+_-]{2,12}@[a-z]{2,10}\.(?:com|org|de)$/);
const filters = fc
  .record({ brand: word, price: fc.tuple(fc.nat(999), fc.nat(9999)), inStock: fc.boolean() })
  .map((data) => JSON.stringify(data));
const value = fc.oneof(phrase, phrase, id, url, email, filters);
const encode = fc.constantFrom(
  (text: string) => encodeURIComponent(text),
  (text: string) => encodeURIComponent(text).replaceAll('%20', '+'),
);
const form = fc
  .tuple(fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 5 }), encode)
  .map(([pairs, write]) => pairs.map(([key, text]) => `${key}=${write(text)}`).join('&'));

const agent = fc.constantFrom(
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'curl/8.5.0',
  'python-requests/2.32',
  'okhttp/4.12.0',
  'Wget/1.21',
);

const head = fc.record({
  agent,
  referer: fc.oneof(
    url,
    form.map((query) => `https://www.example.org/search?${query}`),
  ),
  cookie: fc
    .array(
      fc.tuple(
        name,
        fc.oneof(
          id,
          phrase.map((text) => encodeURIComponent(text)),
        ),
      ),
      { maxLength: 4 },
    )
    .map((pairs) => pairs.map(([key, text]) => `${key}=${text}`).join('; ')),
});

const prose = fc.array(phrase, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('. '));
const json = fc.record({
  title: phrase,
  text: prose,
  id,
  tags: fc.array(word),
  at: fc.date({ noInvalidDate: true }),
});
const multipart = fc
  .array(fc.tuple(name, value, fc.boolean()), { minLength: 1, maxLength: 3 })
  .map((parts) => {
    const written = parts.map(([key, text, isFile]) => {
      // As browsers write names of files.
      const file = text.replaceAll('"', '%22').replaceAll('\n', '%0A');
      const disposition = `form-data; name="${key}"${isFile ? `; filename="${file}.jpg"` : ''}`;
      return `--x\r\nContent-Disposition: ${disposition}\r\n\r\n${text}\r\n`;
    });
    return `${written.join('')}--x--\r\n`;
  });
const body = fc.oneof(
  fc.constant(['', '']),
  fc.constant(['', '']),
  multipart.map((text) => ['multipart/form-data; boundary=x', text]),
  form.map((text) => ['application/x-www-form-urlencoded', text]),
  json.map((data) => ['application/json', JSON.stringify(data)]),
);

/** Makes honest requests. */
export const honestRequest: fc.Arbitrary<HonestRequest> = fc
  .tuple(fc.array(segment, { maxLength: 5 }), file, fc.option(form, { nil: '' }), head, body)
  .map(([segments, ending, query, fields, [type = '', text = '']]) => ({
    method: text === '' ? 'GET' : 'POST',
    target: `/${segments.join('/')}${ending}${query === '' ? '' : `?${query}`}`,
    headers: [
      ...['host', 'example.com', 'user-agent', fields.agent, 'referer', fields.referer],
      ...['accept', 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8', 'cookie', fields.cookie],
      ...['sec-ch-ua', '"Chromium";v="126"', 'if-none-match', 'W/"5f-abc"', 'content-type', type],
    ],
    body: text,
  }));
