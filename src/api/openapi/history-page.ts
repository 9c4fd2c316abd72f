/** The history of versions as a page for people. */
import type { VersionChanges } from './history.ts'

export interface LinkedVersion extends VersionChanges {
  /** Of its OpenAPI document. */
  readonly href: string
}

export const withLinks = (history: readonly VersionChanges[], at: string): readonly LinkedVersion[] =>
  history.map((each) => ({ ...each, href: `${at}/${each.version}.json` }))

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (sign) => ESCAPES[sign] ?? sign)

/** The newest first. */
export function historyPage(history: readonly LinkedVersion[]): string {
  const rows = history.toReversed().map(({ version, href, changes }) => {
    const items = changes.map(
      ({ route, what }) =>
        `<li><code>${escaped(route.replaceAll('{}', '{…}'))}</code> ${escaped(what.join(', '))}</li>`,
    )
    return `<tr><th><a href="${escaped(href)}">${version}</a></th><td><ul>${items.join('')}</ul></td></tr>`
  })
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Versions of the compute API</title></head>
<body><h1>Versions of the compute API</h1>
<p>What each microversion changed, route by route, and its OpenAPI document.</p>
<table>${rows.join('\n')}</table></body></html>
`
}
