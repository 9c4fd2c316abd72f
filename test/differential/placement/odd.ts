/** What no route expects: methods, types, versions, paths, callers. */
import type { Who } from './client.ts'
import { type Make, provider } from './making.ts'

export const odd: Make = (making) => {
  const { chance, version } = making
  const path = chance.pick([
    '/',
    '',
    '/resource_providers',
    '/traits',
    '/allocations',
    '/usages?project_id=p1',
    '/resource_classes',
    `/resource_providers/${provider(making)}`,
    `/resource_providers/${provider(making)}/inventories`,
    '/reshaper',
    '/nope',
    '/resource_providers/',
    '/resource_providers//inventories',
    '/traits/CUSTOM_T1/x',
    '/resource_providers?name=%ff',
    '/traits/%ff',
    '/resource_classes/%20',
  ])
  const method = chance.weighted([
    [4, 'GET'],
    [1, 'HEAD'],
    [1, 'POST'],
    [1, 'PUT'],
    [1, 'DELETE'],
    [1, 'PATCH'],
    [1, 'OPTIONS'],
    [0.5, 'TRACE'],
  ])
  const takesBody = method === 'POST' || method === 'PUT' || method === 'PATCH'
  const text =
    takesBody && chance.oneIn(2)
      ? chance.pick([
          '',
          '{',
          '[]',
          'null',
          '{"name": "n", "uuid": "00000000-0000-0000-0000-00000000000f"}',
          '"x"',
          '{"a": 1, "a": 2}',
          'NaN',
          '{"name": NaN}',
        ])
      : undefined
  const headers = chance.pick([
    {},
    {},
    { accept: 'text/html' },
    { accept: 'application/xml, application/json' },
    { accept: '*/*' },
    { accept: 'application/*;q=0.1' },
    { accept: 'application/json;q=0' },
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/json; charset=utf-8' },
    { 'content-type': '' },
  ])
  const who = chance.weighted<Who>([
    [6, 'service'],
    [2, 'nobody'],
    [1, 'forged'],
    [2, 'reader'],
    [2, 'member'],
  ])
  const versions = chance.pick([
    version,
    version,
    undefined,
    'latest',
    '1.40',
    '2.0',
    '0.9',
    '1',
    'x',
    '1.x',
    '01.1',
    '1.39.1',
    '-1.1',
    '',
  ])
  return { method, path, version: versions, headers, as: who, ...(text !== undefined && { text }) }
}
