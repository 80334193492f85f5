// Dates of header fields (RFC 9110 section 5.6.7): three forms, read strictly. `Date.parse` takes a great
// deal more for a date, and an odd date must not make anything fresh.

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** Three letters as one number each. */
const MONTH_CODES = MONTHS.map((name) => lettersAt(name, 0));
const DAY_CODES = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].map((name) =>
  lettersAt(name, 0),
);
const RFC_850 =
  /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d\d)-(\w{3})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/;
const ASCTIME = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\w{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/;

/** `Sun, 06 Nov 1994 08:49:37 GMT`: no date of another form is as long. */
const FIXED_CHARS = 29;
/** `08:49:37 GMT` */
const CLOCK_CHARS = 12;
const ZERO = 48;
const BLANK = 32;
const COMMA = 44;
const COLON = 58;
const GMT = lettersAt('GMT', 0);

/** Of a common year, before each month and after the last. */
const DAYS_BEFORE = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
/** From the first day of the year 1. */
const DAYS_TO_1970 = 719_162;

/** The last date that `parseRepeatedDate` has read. */
let lastText = '';
let lastMs = Number.NaN;

/** Does what `parseHttpDate` does, for a field that peers fill alike for a second. */
export function parseRepeatedDate(text: string, nowMs: number): number {
  if (text === lastText) {
    // As in text-memo: the next one is likely to be this very string.
    lastText = text;
    return lastMs;
  }
  const timeMs = parseHttpDate(text, nowMs);
  // What another form means depends on when it is read.
  if (text.length === FIXED_CHARS) {
    lastText = text;
    lastMs = timeMs;
  }
  return timeMs;
}

/** Returns the Unix time in ms, or NaN when `text` is no date. `nowMs` settles years of two digits. */
export function parseHttpDate(text: string, nowMs: number): number {
  if (text.length === FIXED_CHARS) return parseFixed(text);
  const old = RFC_850.exec(text);
  if (old !== null) {
    const [, day = '', month = '', year = ''] = old;
    const days = daysUntil(fullYear(Number(year), nowMs), MONTHS.indexOf(month), Number(day));
    return timeOf(days, text, text.length - CLOCK_CHARS);
  }
  const asctime = ASCTIME.exec(text);
  if (asctime === null) return Number.NaN;
  const [, month = '', day = '', , , , year = ''] = asctime;
  const days = daysUntil(Number(year), MONTHS.indexOf(month), Number(day));
  return timeOf(days, text, text.indexOf(':') - 2);
}

/** Without a regular expression, whose groups are strings (67 ns; with one, 515). */
function parseFixed(text: string): number {
  const isFramed =
    text.charCodeAt(3) === COMMA &&
    text.charCodeAt(4) === BLANK &&
    text.charCodeAt(7) === BLANK &&
    text.charCodeAt(11) === BLANK &&
    text.charCodeAt(16) === BLANK &&
    text.charCodeAt(25) === BLANK;
  if (!isFramed || lettersAt(text, 26) !== GMT || !DAY_CODES.includes(lettersAt(text, 0))) {
    return Number.NaN;
  }
  const century = twoDigits(text, 12);
  const year = twoDigits(text, 14);
  if (century < 0 || year < 0) return Number.NaN;
  const monthIndex = MONTH_CODES.indexOf(lettersAt(text, 8));
  return timeOf(daysUntil(century * 100 + year, monthIndex, twoDigits(text, 5)), text, 17);
}

function lettersAt(text: string, at: number): number {
  return (text.charCodeAt(at) << 16) | (text.charCodeAt(at + 1) << 8) | text.charCodeAt(at + 2);
}

/** -1 when one of them is no digit. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
}

/** Returns the days from 1970 to a date of the Gregorian calendar, NaN when there is no such date. */
function daysUntil(year: number, monthIndex: number, day: number): number {
  if (monthIndex === -1 || day < 1) return Number.NaN;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const leapDay = isLeap && monthIndex > 0 ? 1 : 0;
  const before = DAYS_BEFORE[monthIndex]! + (isLeap && monthIndex > 1 ? 1 : 0);
  if (before + day > DAYS_BEFORE[monthIndex + 1]! + leapDay) return Number.NaN;
  const years = year - 1;
  const leapDays = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  return years * 365 + leapDays + before + day - 1 - DAYS_TO_1970;
}

/** `days` and the time that stands at `at` as `08:49:37`. */
function timeOf(days: number, text: string, at: number): number {
  const hours = twoDigits(text, at);
  const minutes = twoDigits(text, at + 3);
  const seconds = twoDigits(text, at + 6);
  if (text.charCodeAt(at + 2) !== COLON || text.charCodeAt(at + 5) !== COLON) return Number.NaN;
  if (hours < 0 || minutes < 0 || seconds < 0) return Number.NaN;
  if (hours > 23 || minutes > 59 || seconds > 60) return Number.NaN;
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
}

/** A year that would be more than 50 years ahead is in the past (section 5.6.7). */
function fullYear(lastDigits: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + lastDigits;
  return year > thisYear + 50 ? year - 100 : year;
}
