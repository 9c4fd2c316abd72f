/** The configuration of an all-in-one: nova.conf and the environment, and from it what each service is told. */
import { networkInterfaces } from 'node:os'
import type { ApiConfig } from '#api/index.ts'
import type { ConductorConfig } from '#conductor/index.ts'
import { defaultConductorConfig } from '#conductor/index.ts'
import { type Config, loadConfig, type Loaded, type Sources } from '#config/index.ts'

const MS = 1_000

/** What an all-in-one sets differently from Nova's defaults; nova.conf wins. */
const ARRANGEMENT: Readonly<Record<string, string>> = {
  // A developer's machine, which stops and starts with its owner: guests come back with it.
  'DEFAULT.resume_guests_state_on_host_boot': 'true',
  'DEFAULT.shutdown_timeout': '10',
  'DEFAULT.reserved_host_memory_mb': '0',
}

/** Reads the configuration; throws `ConfigError`. */
export function loadSettings(sources: Sources, hostname: string, stateDirectory: string): Promise<Loaded> {
  return loadConfig(
    { ...sources, defaults: { ...ARRANGEMENT, ...sources.defaults } },
    { hostname, hostAddress: hostAddress(), stateDirectory },
  )
}

/** This machine's first address that others could reach, else loopback. */
export function hostAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
}

/** `url` is the cloud's own, `http://127.0.0.1:8774`. */
export function apiConfig(config: Config, url: string): ApiConfig {
  const { DEFAULT, api, quota, vnc, consoleauth } = config
  return {
    authUri: config.keystone_authtoken.www_authenticate_uri ?? `${url}/identity/v3`,
    linkPrefix: api.compute_link_prefix,
    glanceLinkPrefix: api.glance_link_prefix ?? `${url}/image`,
    maxLimit: api.max_limit,
    maxBodyBytes: config.oslo_middleware.max_request_body_size,
    enableInstancePassword: api.enable_instance_password,
    passwordLength: DEFAULT.password_length,
    defaultAvailabilityZone: DEFAULT.default_availability_zone,
    internalServiceAvailabilityZone: DEFAULT.internal_service_availability_zone,
    defaultScheduleZone: DEFAULT.default_schedule_zone,
    serviceDownTimeMs: DEFAULT.service_down_time * MS,
    quota: {
      instances: quota.instances,
      cores: quota.cores,
      ramMb: quota.ram,
      metadataItems: quota.metadata_items,
      injectedFiles: quota.injected_files,
      injectedFileContentBytes: quota.injected_file_content_bytes,
      injectedFilePathBytes: quota.injected_file_path_length,
      keyPairs: quota.key_pairs,
      serverGroups: quota.server_groups,
      serverGroupMembers: quota.server_group_members,
    },
    vncEnabled: vnc.enabled,
    novncproxyBaseUrl: vnc.novncproxy_base_url,
    consoleTokenTtlMs: consoleauth.token_ttl * MS,
  }
}

export function conductorConfig(config: Config): ConductorConfig {
  const { DEFAULT, scheduler } = config
  return {
    ...defaultConductorConfig,
    maxAttempts: scheduler.max_attempts,
    serviceDownTimeMs: DEFAULT.service_down_time * MS,
    shutdownTimeoutMs: DEFAULT.shutdown_timeout * MS,
    ...(DEFAULT.instance_build_timeout > 0 && { buildTimeoutMs: DEFAULT.instance_build_timeout * MS }),
    enableNewServices: DEFAULT.enable_new_services,
    // One process, one directory, locked: nobody else can be at work.
    sole: true,
  }
}
