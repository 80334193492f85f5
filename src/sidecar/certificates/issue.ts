// Makes X.509 certificates (RFC 5280) and requests for them (RFC 2986): key pairs of ECDSA P-256,
// authorities, certificates for servers. It keeps nothing and reads no file.

import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { isIP } from 'node:net';
import { v4Octets, v6Octets } from '../../core/address-octets.ts';
import * as der from '../../std/der.ts';

const ECDSA_SHA256 = der.sequence(der.objectId('1.2.840.10045.4.3.2'));
const COMMON_NAME = '2.5.4.3';
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const SUBJECT_KEY_ID = '2.5.29.14';
const KEY_USAGE = '2.5.29.15';
const ALTERNATIVE_NAMES = '2.5.29.17';
const BASIC_CONSTRAINTS = '2.5.29.19';
const AUTHORITY_KEY_ID = '2.5.29.35';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
/** [2] and [7] of GeneralName. */
const DNS_NAME = 2;
const IP_ADDRESS = 7;
/** Bits of KeyUsage, in their octet. */
const DIGITAL_SIGNATURE = Buffer.from([0x80]);
const SIGN_CERTIFICATES_AND_LISTS = Buffer.from([0x06]);
const KEY_ID_BYTES = 20;
const SERIAL_BYTES = 16;
/** More is not allowed in a common name (RFC 5280 appendix A.1). */
const COMMON_NAME_LENGTH_MAX = 64;

/** From when to when a certificate is good (Unix times in ms, whole seconds count). */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Somebody who signs certificates. */
export interface Issuer {
  /** Its own common name, as in its certificate. */
  readonly commonName: string;
  readonly key: KeyObject;
}

/** An extension as it stands in a certificate. */
export interface Extension {
  /** Object identifier in dots. */
  readonly id: string;
  readonly isCritical: boolean;
  /** Encoded content. */
  readonly value: Uint8Array;
}

export interface ServerCertificateOptions extends Validity {
  /** DNS names, wildcards among them, and IP addresses; at least one. */
  readonly names: readonly string[];
  readonly key: KeyObject;
  /** Null: it signs itself. */
  readonly issuer: Issuer | null;
  readonly extensions?: readonly Extension[];
}

export interface AuthorityCertificateOptions extends Validity {
  readonly commonName: string;
  readonly key: KeyObject;
  /** Null: it is a root. */
  readonly issuer: Issuer | null;
  /** Authorities that may stand between this one and a server's certificate. */
  readonly pathLengthMax: number;
}

/** Creates a private key of ECDSA P-256. */
export function createKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** Returns a private key as PEM (PKCS#8). */
export function keyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Issues a certificate for a server; returns PEM. */
export function issueServerCertificate(options: ServerCertificateOptions): string {
  const { names, key, issuer, extensions = [] } = options;
  const commonName = names.find((name) => name.length <= COMMON_NAME_LENGTH_MAX) ?? '';
  const all = [
    constraints(null),
    extension(KEY_USAGE, true, der.bitString(DIGITAL_SIGNATURE, 7)),
    extension(EXTENDED_KEY_USAGE, false, der.sequence(der.objectId(SERVER_AUTH))),
    alternativeNames(names, commonName === ''),
    ...keyIds(key, issuer?.key ?? key),
    ...extensions.map(({ id, isCritical, value }) => extension(id, isCritical, value)),
  ];
  return certificate(options, { commonName, issuer: issuer ?? { commonName, key } }, all);
}

/** Issues a certificate for an authority; returns PEM. */
export function issueAuthorityCertificate(options: AuthorityCertificateOptions): string {
  const { commonName, key, issuer, pathLengthMax } = options;
  const extensions = [
    constraints(pathLengthMax),
    extension(KEY_USAGE, true, der.bitString(SIGN_CERTIFICATES_AND_LISTS, 1)),
    ...keyIds(key, issuer?.key ?? key),
  ];
  return certificate(options, { commonName, issuer: issuer ?? { commonName, key } }, extensions);
}

/** Makes a request for a certificate (PKCS#10); returns its encoding, DER. */
export function requestCertificate(names: readonly string[], key: KeyObject): Buffer {
  const extensions = der.sequence(alternativeNames(names, true));
  const attribute = der.sequence(der.objectId(EXTENSION_REQUEST), der.setOf(extensions));
  const info = der.sequence(
    der.integer(Buffer.from([0])),
    // Names stand in the extension alone.
    der.sequence(),
    publicPart(key),
    der.tagged(0, attribute),
  );
  return signed(info, key);
}

function certificate(
  { key, notBeforeMs, notAfterMs }: Validity & { readonly key: KeyObject },
  { commonName, issuer }: { readonly commonName: string; readonly issuer: Issuer },
  extensions: readonly Uint8Array[],
): string {
  const serial = randomBytes(SERIAL_BYTES);
  // Neither zero nor shorter than the others.
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  const content = der.sequence(
    der.tagged(0, der.integer(Buffer.from([2]))),
    der.integer(serial),
    ECDSA_SHA256,
    distinguishedName(issuer.commonName),
    der.sequence(der.time(notBeforeMs), der.time(notAfterMs)),
    distinguishedName(commonName),
    publicPart(key),
    der.tagged(3, der.sequence(...extensions)),
  );
  return der.pemOf('CERTIFICATE', signed(content, issuer.key));
}

function signed(content: Buffer, key: KeyObject): Buffer {
  return der.sequence(content, ECDSA_SHA256, der.bitString(sign('sha256', content, key)));
}

function publicPart(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}

function distinguishedName(commonName: string): Buffer {
  if (commonName === '') return der.sequence();
  const attribute = der.sequence(der.objectId(COMMON_NAME), der.utf8String(commonName));
  return der.sequence(der.setOf(attribute));
}

function extension(id: string, isCritical: boolean, value: Uint8Array): Buffer {
  const critical = isCritical ? [der.boolean(true)] : [];
  return der.sequence(der.objectId(id), ...critical, der.octetString(value));
}

/** `pathLengthMax` null: no authority. */
function constraints(pathLengthMax: number | null): Buffer {
  const content =
    pathLengthMax === null ? [] : [der.boolean(true), der.integer(Buffer.from([pathLengthMax]))];
  return extension(BASIC_CONSTRAINTS, true, der.sequence(...content));
}

function keyIds(subject: KeyObject, issuer: KeyObject): Buffer[] {
  return [
    extension(SUBJECT_KEY_ID, false, der.octetString(keyId(subject))),
    extension(AUTHORITY_KEY_ID, false, der.sequence(der.taggedOctets(0, keyId(issuer)))),
  ];
}

/** RFC 7093 section 2, method 4: of the whole public part. */
function keyId(key: KeyObject): Buffer {
  return createHash('sha256').update(publicPart(key)).digest().subarray(0, KEY_ID_BYTES);
}

/** Critical where they are all that says whose it is (RFC 5280 section 4.2.1.6). */
function alternativeNames(names: readonly string[], isCritical: boolean): Buffer {
  const entries = names.map((name) => {
    return isIP(name) === 0
      ? der.taggedOctets(DNS_NAME, Buffer.from(name, 'latin1'))
      : der.taggedOctets(IP_ADDRESS, addressOctets(name));
  });
  return extension(ALTERNATIVE_NAMES, isCritical, der.sequence(...entries));
}

function addressOctets(address: string): Buffer {
  return Buffer.from(isIP(address) === 4 ? v4Octets(address) : v6Octets(address), 'latin1');
}
