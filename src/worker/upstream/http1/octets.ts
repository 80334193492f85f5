// Which octets are allowed where in a message head (RFC 9110 sections 5.1 and 5.5), as tables.

export const CR = 13;
export const LF = 10;
export const SPACE = 32;
export const TAB = 9;
export const COLON = 58;
export const DELETE = 127;
export const SEMICOLON = 59;

/** The lower-case octet for each octet allowed in a token; 0 for all others. */
export const TOKEN_LOWER: Uint8Array = tokenTable();

/** 1 for each octet allowed in a field value: HTAB, SP, VCHAR and obs-text. */
export const FIELD_VALUE: Uint8Array = valueTable();

/** Value of each hexadecimal digit; 255 for all other octets. */
export const HEX_VALUE: Uint8Array = hexTable();

function tokenTable(): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
    const octet = character.charCodeAt(0);
    table[octet] = octet;
    table[character.toUpperCase().charCodeAt(0)] = octet;
  }
  return table;
}

function valueTable(): Uint8Array {
  const table = new Uint8Array(256);
  table.fill(1, SPACE);
  table[TAB] = 1;
  table[127] = 0;
  return table;
}

function hexTable(): Uint8Array {
  const table = new Uint8Array(256).fill(255);
  for (let digit = 0; digit < 16; digit++) {
    const character = digit.toString(16);
    table[character.charCodeAt(0)] = digit;
    table[character.toUpperCase().charCodeAt(0)] = digit;
  }
  return table;
}
