/** IP addresses as text. */
import ipaddr from 'ipaddr.js'

/** A valid address in the form of RFC 5952, in which Nova keeps what it is sent. Throws on anything else. */
export const canonicalIp = (address: string): string => ipaddr.parse(address).toString()
