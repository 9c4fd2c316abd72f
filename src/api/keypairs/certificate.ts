/**
 * Makes an X.509 client certificate for WinRM, as Nova's `generate_winrm_x509_cert`: self-signed, subject
 * CN and the user's principal name. Node signs but does not assemble certificates, so their DER (X.690) is
 * written here; RFC 5280 §4.1 has the layout.
 */
import { createPrivateKey, generateKeyPair, randomBytes, sign } from 'node:crypto'
import { promisify } from 'node:util'

const RSA_BITS = 2048
const VALID_MS = 3650 * 24 * 3600 * 1000

const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
}
const OID = {
  sha256WithRsa: '2a864886f70d01010b',
  commonName: '550403',
  extendedKeyUsage: '551d25',
  clientAuth: '2b06010505070302',
  subjectAltName: '551d11',
  principalName: '2b060104018237140203',
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size =
    length < 0x80
      ? Buffer.of(length)
      : length < 0x100
        ? Buffer.of(0x81, length)
        : Buffer.of(0x82, length >> 8, length & 0xff)
  return Buffer.concat([Buffer.of(tag), size, content])
}

const oid = (hex: string): Buffer => der(TAG.oid, Buffer.from(hex, 'hex'))
const utf8 = (text: string): Buffer => der(TAG.utf8, Buffer.from(text))
const context = (number: number, content: Uint8Array): Buffer => der(0xa0 + number, content)
const utcTime = (ms: number): Buffer =>
  der(TAG.utcTime, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`))

const name = (): Buffer =>
  der(TAG.sequence, der(TAG.set, der(TAG.sequence, oid(OID.commonName), utf8('Nova'))))

/** What the certificate is for: a client's log-in, under a principal's name. */
function extensions(): Buffer {
  const extension = (id: string, value: Buffer): Buffer =>
    der(TAG.sequence, oid(id), der(TAG.octetString, value))
  const principal = context(0, Buffer.concat([oid(OID.principalName), context(0, utf8('nova@localhost'))]))
  return context(
    3,
    der(
      TAG.sequence,
      extension(OID.extendedKeyUsage, der(TAG.sequence, oid(OID.clientAuth))),
      extension(OID.subjectAltName, der(TAG.sequence, principal)),
    ),
  )
}

const pem = (label: string, bytes: Buffer): string =>
  `-----BEGIN ${label}-----\n${bytes.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`

/** A new key and its certificate, both in PEM; the certificate is the key pair's public half. */
export async function generateCertificate(): Promise<{ privateKey: string; publicKey: string }> {
  const pair = await promisify(generateKeyPair)('rsa', {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const now = Date.now()
  const algorithm = der(TAG.sequence, oid(OID.sha256WithRsa), der(TAG.null))
  const serial = Buffer.concat([Buffer.of(1), randomBytes(15)])
  const body = der(
    TAG.sequence,
    context(0, der(TAG.integer, Buffer.of(2))),
    der(TAG.integer, serial),
    algorithm,
    name(),
    der(TAG.sequence, utcTime(now), utcTime(now + VALID_MS)),
    name(),
    pair.publicKey,
    extensions(),
  )
  const signature = sign('sha256', body, createPrivateKey(pair.privateKey))
  const certificate = der(TAG.sequence, body, algorithm, der(TAG.bitString, Buffer.of(0), signature))
  return { privateKey: pair.privateKey, publicKey: pem('CERTIFICATE', certificate) }
}
