/** Options of consoles and their proxies. */
import { group } from '../declaration.ts'

export const console = group('console', {
  allowed_origins: {
    type: 'list',
    default: [],
    deprecatedNames: ['DEFAULT.console_allowed_origins'],
    help: 'Origins allowed for consoles.',
  },
  ssl_ciphers: { type: 'string', default: null, help: 'TLS ciphers of consoles.' },
  ssl_minimum_version: {
    type: 'string',
    default: 'default',
    choices: ['default', 'tlsv1_1', 'tlsv1_2', 'tlsv1_3'],
    help: 'Lowest TLS version of consoles.',
  },
})

export const consoleauth = group('consoleauth', {
  token_ttl: {
    type: 'int',
    default: 600,
    min: 0,
    deprecatedNames: ['DEFAULT.console_token_ttl'],
    help: 'Seconds a console token lives.',
  },
  enforce_session_timeout: { type: 'bool', default: false, help: 'Close sessions when token ends.' },
})

export const vnc = group('vnc', {
  enabled: {
    type: 'bool',
    default: true,
    deprecatedNames: ['DEFAULT.vnc_enabled'],
    help: 'Turn on VNC consoles.',
  },
  server_listen: { type: 'host', default: '127.0.0.1', help: 'Address VNC listens on.' },
  server_proxyclient_address: {
    type: 'host',
    default: '127.0.0.1',
    help: 'Address the VNC proxy connects to.',
  },
  novncproxy_base_url: {
    type: 'uri',
    default: 'http://127.0.0.1:6080/vnc_auto.html',
    deprecatedNames: ['DEFAULT.novncproxy_base_url'],
    help: 'Public URL of VNC consoles.',
  },
  novncproxy_host: {
    type: 'string',
    default: '0.0.0.0',
    deprecatedNames: ['DEFAULT.novncproxy_host'],
    help: 'Listen address of VNC proxy.',
  },
  novncproxy_port: {
    type: 'port',
    default: 6080,
    deprecatedNames: ['DEFAULT.novncproxy_port'],
    help: 'Listen port of VNC proxy.',
  },
  auth_schemes: {
    type: 'list',
    default: ['none'],
    choices: ['none', 'vencrypt'],
    help: 'VNC auth kinds between proxy and host.',
  },
  vencrypt_client_key: { type: 'string', default: null, help: 'Private key the proxy shows to hosts.' },
  vencrypt_client_cert: { type: 'string', default: null, help: 'Certificate the proxy shows to hosts.' },
  vencrypt_ca_certs: {
    type: 'string',
    default: null,
    help: "Authorities that sign the hosts' certificates.",
  },
})

export const serialConsole = group('serial_console', {
  enabled: { type: 'bool', default: false, help: 'Turn on serial consoles.' },
  port_range: {
    type: 'string',
    default: '10000:20000',
    pattern: '^\\d+:\\d+$',
    help: 'Host ports for serial consoles.',
  },
  base_url: { type: 'uri', default: 'ws://127.0.0.1:6083/', help: 'Public URL of serial consoles.' },
  proxyclient_address: {
    type: 'string',
    default: '127.0.0.1',
    help: 'Address the serial proxy connects to.',
  },
  serialproxy_host: { type: 'string', default: '0.0.0.0', help: 'Listen address of serial proxy.' },
  serialproxy_port: { type: 'port', default: 6083, help: 'Listen port of serial proxy.' },
})

export const spice = group('spice', {
  enabled: { type: 'bool', default: false, help: 'Turn on SPICE consoles.' },
  html5proxy_base_url: {
    type: 'uri',
    default: 'http://127.0.0.1:6082/spice_auto.html',
    help: 'Public URL of SPICE consoles.',
  },
  server_listen: { type: 'string', default: '127.0.0.1', help: 'Address SPICE listens on.' },
  server_proxyclient_address: {
    type: 'string',
    default: '127.0.0.1',
    help: 'Address the SPICE proxy connects to.',
  },
})
