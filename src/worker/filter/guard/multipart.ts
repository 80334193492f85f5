// What a multipart/form-data body (RFC 7578) says to an application: names and values of fields, and names of
// files. What is in files is data and is left out. The body may be cut anywhere.

const BOUNDARY = /;\s*boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;,"]{1,200}))/gi;
/** `filename*` comes with its character set in front: `UTF-8''a%20b`. */
const PARAMETER =
  /(?:^|[;\s])(name|filename\*?)\s*=\s*(?:"((?:\\.|[^"\\\r\n])*)"?|(?:[\w-]{0,40}'[\w-]{0,40}')?([^;"\r\n]*))/gi;
const DISPOSITION = /(?:^|\n)content-disposition[ \t]*:((?:[^\n]|\n[ \t])*)/i;
const HEAD_END = /\r?\n\r?\n/;
/** Of more parts the rest is read as one text. */
const PARTS_MAX = 1000;

/**
 * Returns the texts in a body. A body whose parts can't be told apart as its type says is one text: whoever
 * takes it may be more lenient.
 */
export function multipartTexts(contentType: string, body: string): string[] {
  const boundaries = [...contentType.matchAll(BOUNDARY)];
  const [, quoted, bare] = boundaries[0] ?? [];
  const boundary = quoted ?? bare;
  if (boundary === undefined || boundaries.length > 1) return [body];
  const [preamble, ...parts] = body.split(`--${boundary}`, PARTS_MAX);
  if (parts.length === 0 || preamble!.trim() !== '') return [body];
  const texts: string[] = [];
  for (const part of parts) {
    // The end of the last one: two dashes.
    if (!/^--\s*$/.test(part)) addTexts(part.replace(/^[ \t]*\r?\n/, ''), texts);
  }
  const read = parts.reduce((length, part) => length + part.length + boundary.length + 2, 0);
  if (parts.length === PARTS_MAX - 1) texts.push(body.slice(read));
  return texts;
}

function addTexts(part: string, texts: string[]): void {
  const end = HEAD_END.exec(part);
  const head = end === null ? part : part.slice(0, end.index);
  const disposition = DISPOSITION.exec(head)?.[1];
  let isFile = false;
  if (disposition === undefined) texts.push(head);
  for (const [, name, quoted, bare] of (disposition ?? '').matchAll(PARAMETER)) {
    texts.push(quoted?.replaceAll(/\\(["\\])/g, '$1') ?? bare!.trim());
    if (name!.toLowerCase() !== 'name') isFile = true;
  }
  if (end !== null && !isFile) texts.push(part.slice(end.index + end[0].length).trimEnd());
}
