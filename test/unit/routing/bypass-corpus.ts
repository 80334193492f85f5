// Ways to write a path so that a proxy and the server behind it might read it differently. The attack is
// always the same: a route guards `/admin/*`, another lets everybody at the rest, and the request is to
// reach the guarded pages by the open route, or files above the root.
//
// The outcome is that of the default policy: the path that everybody sees, or why it is refused.

export interface BypassTry {
  readonly target: string;
  /** What is left of it, or `refused: ` and the reason. */
  readonly outcome: string;
}

const refusedFor = (reason: string) => (target: string) => ({
  target,
  outcome: `refused: ${reason}`,
});
const seenAs = (outcome: string) => (target: string) => ({ target, outcome });

const dotSegments = [
  ...['/./admin/', '/x/../admin/', '/x/y/../../admin/', '/x/./../admin/', '/x/.././admin/'],
  ...['/%2e/admin/', '/x/%2e%2e/admin/', '/x/.%2e/admin/', '/x/%2e./admin/', '/x/%2E%2E/admin/'],
  ...['/x/%2e%2E/admin/', '/x/%2e/%2e%2e/admin/', '/admin/.', '/admin/%2e', '/admin/x/..'],
  ...['/admin/x/%2e%2e', '/admin/x/../', '/admin/./', '/x/../x/../admin/', '/admin/x/y/../../'],
].map(seenAs('/admin/'));

const slashes = [
  ...['//admin/', '///admin/', '/admin//', '//admin///', '/x//..//admin/', '/.//admin/'],
  ...['/x/..//admin/', '//x/../admin/', '/%2e//admin//.'],
].map(seenAs('/admin/'));

const needless = [
  ...['/%61dmin/', '/a%64min/', '/%61%64%6d%69%6e/', '/%61%64%6D%69%6E/', '/admi%6e/'],
  ...['//%61dmin/', '/x/%2e%2e/%61dmin/'],
].map(seenAs('/admin/'));

const aboveTheRoot = [
  ...['/..', '/../', '/../admin/', '/x/../../admin/', '/%2e%2e/etc/passwd', '/../../../etc/passwd'],
  ...['/x/%2e%2e/%2e%2e/etc/passwd', '/./../admin/', '//../admin/', '/.%2e/%2e./etc/passwd'],
].map(refusedFor('dot segment above the root'));

const encodedSlashes = [
  ...['/x%2f..%2fadmin/', '/x%2F..%2Fadmin/', '/%2fadmin/', '/x/..%2fadmin/', '/x/%2e%2e%2fadmin/'],
  ...['/admin%2f', '/admin%2Fusers', '/x%2f%2e%2e%2fadmin/', '/..%2f..%2fetc%2fpasswd'],
].map(refusedFor('encoded slash'));

const backslashes = [
  ...['/x\\..\\admin\\', '/\\admin/', '/x/..\\admin/'],
  ...['/x%5c..%5cadmin/', '/x%5C..%5Cadmin/', '/%5cadmin/', '/x/..%5cadmin/', '/admin%5c'],
].map(refusedFor('backslash'));

const doubleEscapes = [
  ...['/x/%252e%252e/admin/', '/%252fadmin/', '/x%255c..%255cadmin/', '/x/%25252e%25252e/admin/'],
  ...['/admin%2500/', '/admin%253b/', '/x/%252E%252E%252Fadmin/', '/admin%250a/'],
].map(refusedFor('double escape'));

const overlong = [
  ...['/%c0%afadmin/', '/x/%c0%ae%c0%ae/admin/', '/x%c1%9c..%c1%9cadmin/', '/%e0%80%afadmin/'],
  ...['/x/%C0%AE%C0%AE%C0%AFadmin/', '/%f0%80%80%afadmin/', '/\xc0\xafadmin/'],
].map(refusedFor('overlong escape'));

const controls = [
  ...[
    '/admin%00/',
    '/x%00/../admin/',
    '/public%00.html',
    '/admin%0a/',
    '/admin%0d%0aset-cookie:a/',
  ],
  ...['/%09admin/', '/admin%1f/', '/admin%7f/'],
].map(refusedFor('control byte'));

const malformed = [
  '/%',
  '/%a',
  '/admin%',
  '/%zz',
  '/%u002e%u002e/admin/',
  '/%2/admin/',
  '/%-1/',
].map(refusedFor('malformed escape'));

const hiddenByParameters = [
  ...['/x/..;/admin/', '/x/..;a=b/admin/', '/..;/admin/', '/x/.;/admin/', '/x/%2e%2e;/admin/'],
].map(refusedFor('dot segment with parameters'));

/** What stays, byte for byte or nearly so: it is no bypass, and honest clients send it. */
const honest: readonly BypassTry[] = [
  { target: '/admin;x/', outcome: '/admin;x/' },
  { target: '/page;jsessionid=1?x=/../', outcome: '/page;jsessionid=1?x=/../' },
  { target: '/...', outcome: '/...' },
  { target: '/..x/', outcome: '/..x/' },
  { target: '/.well-known/acme', outcome: '/.well-known/acme' },
  { target: '/a%20b', outcome: '/a%20b' },
  { target: '/100%25', outcome: '/100%25' },
  { target: '/a%2520b', outcome: '/a%2520b' },
  { target: '/caf%c3%a9', outcome: '/caf%C3%A9' },
  { target: '/caf\xc3\xa9', outcome: '/caf%C3%A9' },
  { target: '/what%3fis', outcome: '/what%3Fis' },
  { target: '/c%23', outcome: '/c%23' },
  { target: '/%7euser/', outcome: '/~user/' },
  { target: '/a+b@c:d,e', outcome: '/a+b@c:d,e' },
  { target: '/?path=/x/../admin/%2f%00\\', outcome: '/?path=/x/../admin/%2f%00\\' },
  { target: '/x?//', outcome: '/x?//' },
  { target: '/ADMIN/', outcome: '/ADMIN/' },
  { target: '*', outcome: '*' },
];

export const bypassTries: readonly BypassTry[] = [
  ...dotSegments,
  ...slashes,
  ...needless,
  ...aboveTheRoot,
  ...encodedSlashes,
  ...backslashes,
  ...doubleEscapes,
  ...overlong,
  ...controls,
  ...malformed,
  ...hiddenByParameters,
  ...honest,
];
