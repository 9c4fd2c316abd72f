/** Options of the databases and the cache. */
import { group } from '../declaration.ts'

export const database = group('database', {
  connection: {
    type: 'string',
    default: null,
    secret: true,
    deprecatedNames: ['DEFAULT.sql_connection', 'DATABASE.sql_connection', 'sql.connection'],
    help: 'URL of the cell database.',
  },
  max_pool_size: { type: 'int', default: 5, help: 'Connections kept per process.' },
  max_overflow: {
    type: 'int',
    default: 50,
    deprecatedNames: ['DEFAULT.sql_max_overflow', 'DATABASE.sqlalchemy_max_overflow'],
    help: 'Extra connections allowed.',
  },
  archive_deleted_after_days: {
    type: 'int',
    default: 0,
    min: 0,
    help: 'Conductors archive servers deleted so long ago; 0: never.',
  },
  purge_deleted_after_days: {
    type: 'int',
    default: 0,
    min: 0,
    help: 'Conductors purge archived servers deleted so long ago; 0: never.',
  },
})

export const apiDatabase = group('api_database', {
  connection: {
    type: 'string',
    default: null,
    secret: true,
    deprecatedNames: ['DEFAULT.sql_connection', 'DATABASE.sql_connection', 'sql.connection'],
    help: 'URL of the API database.',
  },
  max_pool_size: { type: 'int', default: 5, help: 'Connections kept per process.' },
})

export const placementDatabase = group('placement_database', {
  connection: { type: 'string', default: null, secret: true, help: 'URL of the Placement database.' },
  max_pool_size: { type: 'int', default: 10, min: 1, help: 'Connections kept per process.' },
  sync_on_startup: {
    type: 'bool',
    default: true,
    help: 'Bring the tables up to date at start; without, a service refuses to start on older ones.',
  },
})

export const cache = group('cache', {
  backend: {
    type: 'string',
    default: 'dogpile.cache.null',
    choices: [
      'oslo_cache.memcache_pool',
      'oslo_cache.dict',
      'oslo_cache.mongo',
      'oslo_cache.etcd3gw',
      'dogpile.cache.pymemcache',
      'dogpile.cache.memcached',
      'dogpile.cache.pylibmc',
      'dogpile.cache.bmemcached',
      'dogpile.cache.dbm',
      'dogpile.cache.redis',
      'dogpile.cache.memory',
      'dogpile.cache.memory_pickle',
      'dogpile.cache.null',
    ],
    help: 'Cache driver.',
  },
  enabled: { type: 'bool', default: false, help: 'Turn on caching.' },
  memcache_servers: { type: 'list', default: ['localhost:11211'], help: 'List of cache servers.' },
})
