/** Reading public keys and certificates as Nova does, and making SSH keys for callers who bring none. */
import { createHash, createPublicKey, generateKeyPair, X509Certificate } from 'node:crypto'
import { promisify } from 'node:util'
import { badRequest } from '#lib/fault.ts'
import { messageOf } from '#lib/undo.ts'

const RSA_BITS = 2048
const MAX_LINE = 16_384
/** `ssh-ed25519 AAAA… comment`; options before the type are not a public key's but an authorized_keys line's. */
const SSH_LINE = /^\s*([a-z0-9@.-]+)\s+([A-Za-z0-9+/]+={0,3})(?:\s|$)/

const colons = (hex: string): string => hex.match(/../g)?.join(':') ?? ''

/** The fingerprint of a public key or certificate; a bad one is a 400 in Nova's words. */
export function fingerprintOf(type: 'ssh' | 'x509', publicKey: string): string {
  return type === 'x509' ? certificateFingerprint(publicKey) : sshFingerprint(publicKey)
}

function sshFingerprint(publicKey: string): string {
  const match = publicKey.length <= MAX_LINE ? SSH_LINE.exec(publicKey) : null
  const [, algorithm = '', encoded = ''] = match ?? []
  const blob = Buffer.from(encoded, 'base64')
  const named = blob.length > 4 ? blob.subarray(4, 4 + blob.readUInt32BE(0)).toString('latin1') : ''
  if (named === '' || named !== algorithm) throw invalid('failed to generate fingerprint')
  return colons(createHash('md5').update(blob).digest('hex'))
}

function certificateFingerprint(pem: string): string {
  try {
    return new X509Certificate(pem).fingerprint.toLowerCase()
  } catch (error) {
    throw invalid(`failed to generate X509 fingerprint. Error message: ${messageOf(error)}`, error)
  }
}

const invalid = (reason: string, cause?: unknown) =>
  badRequest(`Keypair data is invalid: ${reason}`, { cause })

/** A new RSA key: the private half in PEM, the public one as a line of OpenSSH. */
export async function generateSshKey(): Promise<{ privateKey: string; publicKey: string }> {
  const pair = await promisify(generateKeyPair)('rsa', {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  return { privateKey: pair.privateKey, publicKey: `${openSshLine(pair.publicKey)} Generated-by-Nova` }
}

/** RFC 4253 §6.6: the name, the exponent and the modulus, each with its length before it. */
function openSshLine(pem: string): string {
  const { e = '', n = '' } = createPublicKey(pem).export({ format: 'jwk' })
  const integer = (base64url: string): Buffer => {
    const bytes = Buffer.from(base64url, 'base64url')
    return (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes
  }
  const parts = [Buffer.from('ssh-rsa'), integer(e), integer(n)].flatMap((part) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(part.length)
    return [length, part]
  })
  return `ssh-rsa ${Buffer.concat(parts).toString('base64')}`
}
