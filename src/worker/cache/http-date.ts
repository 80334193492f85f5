// Dates of header fields (RFC 9110 section 5.6.7): three forms, read strictly. `Date.parse` takes a great
// deal more for a date, and an odd date must not make anything fresh.

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const FIXED = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;
const RFC_850 =
  /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d\d)-(\w{3})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/;
const ASCTIME = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\w{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/;

/** The last date that was read: peers send the same one for a second. */
let lastText = '';
let lastMs = Number.NaN;

/** Returns the Unix time in ms, or NaN when `text` is no date. `nowMs` settles years of two digits. */
export function parseHttpDate(text: string, nowMs: number): number {
  if (text === lastText) return lastMs;
  const fixed = FIXED.exec(text);
  if (fixed !== null) {
    lastMs = timeOf(Number(fixed[3]), fixed[2]!, fixed[1]!, fixed.slice(4));
    lastText = text;
    return lastMs;
  }
  const old = RFC_850.exec(text);
  if (old !== null) return timeOf(fullYear(Number(old[3]), nowMs), old[2]!, old[1]!, old.slice(4));
  const asctime = ASCTIME.exec(text);
  if (asctime === null) return Number.NaN;
  return timeOf(Number(asctime[6]), asctime[1]!, asctime[2]!, asctime.slice(3, 6));
}

function timeOf(year: number, month: string, day: string, clock: readonly string[]): number {
  const monthIndex = MONTHS.indexOf(month);
  const dayOfMonth = Number(day);
  const [hours = 0, minutes = 0, seconds = 0] = clock.map(Number);
  if (monthIndex === -1 || dayOfMonth < 1 || hours > 23 || minutes > 59 || seconds > 60) {
    return Number.NaN;
  }
  const date = new Date(0);
  // Not Date.UTC: it takes years below 100 for ones of the last century.
  date.setUTCFullYear(year, monthIndex, dayOfMonth);
  if (date.getUTCDate() !== dayOfMonth) return Number.NaN;
  return date.setUTCHours(hours, minutes, seconds);
}

/** A year that would be more than 50 years ahead is in the past (section 5.6.7). */
function fullYear(twoDigits: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + twoDigits;
  return year > thisYear + 50 ? year - 100 : year;
}
