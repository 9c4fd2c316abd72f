/** The sample nova.conf and the reference page, made from the declarations. */
import type { OptionDeclaration } from './declaration.ts'
import { groupNames, optionsOf } from './groups.ts'

const COMPUTED = {
  hostname: "this machine's name",
  hostAddress: "this machine's IPv4 address",
  stateDirectory: 'the state directory',
}

const SAMPLE_HEAD = `# A sample nova.conf with every option Kilonova knows, at its default.
# Made by tools/make-config-docs.ts: do not edit.
`

const DOCS_HEAD = `# Configuration

<!-- Made by tools/make-config-docs.ts from src/config/options: do not edit. -->

Options have Nova's names and are written as Nova's are: \`nova.conf\` in oslo.config's INI. \`--config-file\` (may be
repeated) and \`--config-dir\` (its \`*.conf\`, sorted) name what is read; later files win. The environment wins over
files (\`OS_<GROUP>__<OPTION>\`: \`OS_VNC__ENABLED=false\`), the command line over both. \`$option\` and
\`\${group.option}\` stand for another option's value, \`$$\` for a dollar sign. A value that does not fit stops the
start and is shown with its file and line; an unknown option is a warning with the nearest name.
`

/** The whole sample file. */
export function renderSample(): string {
  const sections = groupNames().map((group) => {
    const options = Object.entries(optionsOf(group)).map(([name, option]) => sampleOption(name, option))
    return `[${group}]\n\n${options.join('\n')}`
  })
  return `${SAMPLE_HEAD}\n${sections.join('\n\n')}`
}

function sampleOption(name: string, option: OptionDeclaration): string {
  const notes = [option.help, ...limits(option)]
  return `${notes.map((note) => `# ${note}\n`).join('')}#${name} = ${shownDefault(option)}\n`
}

/** The reference page. */
export function renderDocs(): string {
  const sections = groupNames().map((group) => {
    const rows = Object.entries(optionsOf(group)).map(
      ([name, option]) =>
        `| \`${name}\` | ${option.type} | ${cell(shownDefault(option))} | ${[option.help, ...limits(option)].map(escape).join(' ')} |`,
    )
    return `## [${group}]\n\n| option | type | default | |\n|---|---|---|---|\n${rows.join('\n')}\n`
  })
  return `${DOCS_HEAD}\n${sections.join('\n')}`
}

const escape = (text: string): string => text.replaceAll('|', '\\|')
const cell = (text: string): string => (text === '' ? '' : `\`${escape(text)}\``)

function shownDefault(option: OptionDeclaration): string {
  if (option.computed) return `<${COMPUTED[option.computed]}>`
  const value = option.default
  if (value === null) return ''
  if (typeof value !== 'object') return String(value)
  return Array.isArray(value)
    ? value.join(',')
    : Object.entries(value)
        .map(([key, item]) => `${key}:${item}`)
        .join(',')
}

function limits(option: OptionDeclaration): string[] {
  const notes: string[] = []
  if ('choices' in option && option.choices)
    notes.push(`One of: ${option.choices.map((choice) => choice || "''").join(', ')}.`)
  if ('min' in option && option.min !== undefined) notes.push(`At least ${option.min}.`)
  if ('max' in option && option.max !== undefined) notes.push(`At most ${option.max}.`)
  if (option.type === 'multi') notes.push('May be given several times.')
  if (option.mutable) notes.push('May change while running.')
  if (option.deprecatedNames) notes.push(`Once called ${option.deprecatedNames.join(', ')}.`)
  return notes
}
