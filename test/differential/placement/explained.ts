/** Differences that are meant, each with its reason. What is not here is a defect. */
import { addsUp } from './amounts.ts'
import { losesShared } from './anchors.ts'
import { hasBareGroup } from './bare-groups.ts'
import { type Ask, isWrite, type Reply } from './client.ts'
import type { Difference } from './compare.ts'

export interface Replies {
  readonly ours: Reply
  readonly theirs: Reply
}

export interface Explanation {
  readonly name: string
  readonly reason: string
  explains(difference: Difference, ask: Ask, replies: Replies): boolean
}

const statusOf = (side: unknown): unknown => (Array.isArray(side) ? side[0] : undefined)

/** What other services read out of the words of a refusal: there in both, or in neither. */
const PHRASES = [
  /consumer generation conflict/,
  /Inventory for '.+' on resource provider '.+' in use/,
  /No such trait/,
  /has allocations/,
  /child resource providers/,
]

const samePhrases = (ours: unknown, theirs: unknown): boolean =>
  PHRASES.every((phrase) => phrase.test(String(ours)) === phrase.test(String(theirs)))

const namesIn = (body: unknown): readonly string[] => JSON.stringify(body).match(/"[A-Z][A-Z0-9_]+"/g) ?? []

function onlyStandardMore(ours: readonly string[], theirs: readonly string[]): boolean {
  const more = ours.filter((name) => !theirs.includes(name))
  return theirs.every((name) => ours.includes(name)) && more.every((name) => !name.startsWith('"CUSTOM_'))
}

export const EXPLANATIONS: readonly Explanation[] = [
  {
    name: 'it fails, we answer',
    reason: 'the real service answers 500 where it trips over itself; we answer what it should have said',
    explains: ({ where, theirs }) => where === 'status' && statusOf(theirs) === 500,
  },
  {
    name: 'other words',
    reason:
      'details are for people: status, code and the phrases that services look for are the same, the words around them are ours',
    explains: ({ where, ours, theirs }) => where === 'error detail' && samePhrases(ours, theirs),
  },
  {
    name: 'Vary of errors',
    reason:
      'ours says it with every answer that depends on the version; the real one forgets it with some errors',
    explains: ({ where, theirs }) => where === 'header vary' && theirs === undefined,
  },
  {
    name: 'errors are JSON',
    reason: 'the real service writes errors as HTML or plain text for those who accept no JSON',
    explains: ({ where, ours, theirs }) =>
      (where === 'header content-type' &&
        ours === 'application/json' &&
        String(theirs).startsWith('text/')) ||
      (where === 'body' && typeof theirs === 'string' && JSON.stringify(ours).startsWith('{"errors":')),
  },
  {
    name: 'Allow at every 405',
    reason: 'the real service forgets it where a method is only of later versions',
    explains: ({ where, theirs }) => where === 'header allow' && theirs === undefined,
  },
  {
    name: 'Last-Modified always',
    reason:
      'what was never changed has the time when it was made; the real service has none in the answer to a PUT that changes nothing',
    explains: ({ where, theirs }, ask) =>
      where === 'header last-modified' &&
      theirs === false &&
      ask.method === 'PUT' &&
      /^\/resource_providers\/[^/]+$/.test(ask.path),
  },
  {
    name: 'no wildcards',
    reason: 'in name=startswith: the real service takes % for anything, as its database does',
    explains: ({ where }, ask) => where === 'body' && /startswith:.*%25/.test(ask.path),
  },
  {
    name: 'amounts added twice',
    reason:
      'where two groups take of one class from one provider, the real service counts some amounts twice, and loses the candidates that these no longer fit; ours ask for what was asked',
    explains: ({ where }, ask, replies) =>
      ['body', 'candidates', 'number of candidates'].includes(where) &&
      ask.path.startsWith('/allocation_candidates') &&
      addsUp(ask, replies),
  },
  {
    name: 'shared with several trees',
    reason:
      'what the group without suffix takes from sharing providers alone, the real service remembers for one tree only, and loses the candidates of the others',
    explains: ({ where }, ask, replies) =>
      ['body', 'candidates', 'number of candidates'].includes(where) && losesShared(ask, replies),
  },
  {
    name: 'a group of a tree alone',
    reason:
      'a group without resources that names only a tree, or only what is forbidden, finds nobody in the real service; ours finds whom it describes',
    explains: ({ where }, ask, replies) =>
      ['body', 'candidates', 'number of candidates'].includes(where) &&
      ask.path.startsWith('/allocation_candidates') &&
      hasBareGroup(ask, replies),
  },
  {
    name: 'unknown names are refused',
    reason:
      'ours refuses an unknown class or trait always; the real service only when its search has not ended empty before',
    explains: ({ where, ours }, ask, { theirs }) =>
      where === 'status' &&
      /^\/(allocation_candidates|resource_providers)\?/.test(ask.path) &&
      /No such (trait|resource class)/.test(JSON.stringify(ours)) &&
      /^\{"(allocation_requests|resource_providers)": \[\]/.test(theirs.text),
  },
  {
    name: 'paths are UTF-8',
    reason:
      'ours refuses a path that is not, before it looks at anything else; the real service reads it as Latin-1',
    explains: (_difference, ask, { ours }) => ours.status === 400 && /%ff/.test(ask.path.split('?')[0] ?? ''),
  },
  {
    name: 'a slash at the end',
    reason: 'ours takes a path with a slash at its end for the same path without',
    explains: ({ where, theirs }, ask) =>
      where === 'status' && statusOf(theirs) === 404 && ask.path.endsWith('/'),
  },
  {
    name: 'newer standard names',
    reason: 'ours knows the standard traits and classes of later releases too',
    explains: ({ where, ours, theirs }, ask) =>
      where === 'body' &&
      /^\/(traits|resource_classes)\b/.test(ask.path) &&
      onlyStandardMore(namesIn(ours), namesIn(theirs)),
  },
  {
    name: 'any form of a uuid',
    reason: 'ours finds a provider by its uuid without dashes too, as it takes one when it is made',
    explains: ({ where, theirs }, ask) =>
      where === 'status' && statusOf(theirs) === 404 && !isWrite(ask) && /\/[0-9a-f]{32}\b/.test(ask.path),
  },
]
