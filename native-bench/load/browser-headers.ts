// What a browser sends with a request inside a site: fifteen fields with Host.

export const browserHeaders: readonly string[] = [
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
