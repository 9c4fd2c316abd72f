/** Every extra spec that the facts know: values that it takes, values that it refuses, and names that are none. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { message, startCloud } from '../functional/api/servers-there.ts'
import { haveFacts } from './facts.ts'

const FACTS = `${import.meta.dirname}/../../../shared/spec/extra-specs.json`

interface Fact {
  readonly name: string
  readonly type: 'string' | 'integer' | 'boolean'
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly min?: number
  readonly max?: number
}

/** What may stand for a parameter of a name. */
const PARAMETERS: Readonly<Record<string, string>> = {
  key: 'a:b',
  filter: ':a:b',
  num: '12',
  group: '_a-1',
  resource: 'GOLD_2',
  trait: 'GOLD_2',
  'standard trait': 'HW_CPU_X86_AVX2',
}

const SAMPLES = ['1', '0', '-1', 'yes', 'x y', '1-3,^2', 'large', '2MB', 'a:1', 'pm1,pm2', '^2', '']

const isRight = (fact: Fact, value: string): boolean => {
  if (fact.enum) return fact.enum.includes(value)
  if (fact.type === 'boolean') return /^(1|t|true|on|y|yes|0|f|false|off|n|no)$/i.test(value)
  if (fact.type === 'string')
    return fact.pattern === undefined || new RegExp(`^(?:${fact.pattern})$`).test(value)
  const whole = /^\s*[+-]?\d+\s*$/.test(value)
  return whole && Number(value) >= (fact.min ?? -Infinity) && Number(value) <= (fact.max ?? Infinity)
}

if (haveFacts)
  void test('extra specs are taken and refused as the facts say', async (t) => {
    const { extra_specs: facts } = JSON.parse(readFileSync(FACTS, 'utf8')) as {
      extra_specs: Fact[]
    }
    const { send } = await startCloud(t)
    const set = (name: string, value: string, at = '2.86') =>
      send('POST /flavors/42/os-extra_specs', { as: 'admin', at, body: { extra_specs: { [name]: value } } })
    for (const fact of facts) {
      const name = fact.name.replace(/\{([^}]+)\}/g, (_, parameter: string) => PARAMETERS[parameter] ?? '')
      for (const value of [...SAMPLES, ...(fact.enum ?? [])]) {
        const { status, text } = await set(name, value)
        assert.equal(status, isRight(fact, value) ? 200 : 400, `${name}=${value}: ${text}`)
      }
      const unknown = name.replace(/[^:]*$/, 'no such thing')
      const isKnown = unknown.startsWith('aggregate_instance_extra_specs') || !name.includes(':')
      const answer = await set(unknown, '1')
      assert.equal(answer.status, isKnown ? 200 : 400, `${unknown}: ${answer.text}`)
      if (!isKnown) assert.match(message(answer.body), /does not appear to be a valid extra spec/)
    }
    assert.equal(facts.length, 149)
    for (const name of ['free', 'unknown:name', 'resources:CUSTOM_']) await set(name, 'x')
    assert.equal((await set('hw:cpu_policy', 'x', '2.85')).status, 200, 'unchecked before')
  })
