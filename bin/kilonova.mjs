#!/usr/bin/env node
/**
 * The launcher: plain JavaScript without dependencies, for any Node from 20 on. Installs the npm packages when
 * they are missing, goes on with Node 24 (itself an npm package) when this Node is older, and runs
 * src/cli/main.ts, from a bundle where that is faster.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import module from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const OLDEST_NODE = 24
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const CACHE = join(ROOT, 'node_modules', '.cache', 'kilonova')
/** When what was compiled is written down: the first requests have then been answered. */
const FLUSH_MS = 4_000
/** How often a long installation says that it goes on. */
const BEAT_MS = 10_000
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']

/** When the first of our processes was launched, in milliseconds since the epoch. */
const launchedAt = Number(process.env.KILONOVA_LAUNCHED_AT) || performance.timeOrigin
delete process.env.KILONOVA_LAUNCHED_AT

const say = (text) => process.stderr.write(`${text}\n`)
const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs

/** npm's own record of what it installed is older than the lock file, or not there. */
function lacksPackages() {
  const lock = modified(join(ROOT, 'package-lock.json'))
  if (lock === undefined) return false // installed as a package itself: npm has seen to it
  const installed = modified(join(ROOT, 'node_modules', '.package-lock.json'))
  return installed === undefined || (installed < lock && !sameLocks())
}

/** A lock file that was only touched (a fresh check-out of the same text) installs nothing anew. */
function sameLocks() {
  const read = (path) => JSON.parse(readFileSync(join(ROOT, path), 'utf8')).packages
  const wanted = read('package-lock.json')
  const installed = read('node_modules/.package-lock.json')
  return Object.entries(wanted).every(([path, entry]) => {
    const found = installed[path]
    return path === '' || (found ? found.version === entry.version : entry.optional === true)
  })
}

async function installPackages() {
  say('Installing npm packages, about half a minute the first time …')
  const began = Date.now()
  const seconds = () => Math.round((Date.now() - began) / 1000)
  const beat = setInterval(() => say(`  still installing (${seconds()} s)`), BEAT_MS)
  // `npm ci` wants every platform's packages in the lock file, and some registries lack a few of them:
  // `npm install` takes the lock file's versions too, and leaves it as it is.
  let outcome = await npm('ci')
  if (outcome.code !== 0 && outcome.said.includes('EUSAGE')) outcome = await npm('install', '--no-save')
  clearInterval(beat)
  if (outcome.code === 0) {
    say(`npm packages installed in ${seconds()} s.`)
    return
  }
  say(
    `${outcome.said}\nnpm could not install the packages (${outcome.code}); its words are above. Nothing was started.`,
  )
  process.exit(1)
}

/** Runs npm; yields its exit code (or what went wrong) and its words. */
function npm(...args) {
  const self = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm']
  const [program, ...prefix] = self
  const options = ['--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error']
  const child = spawn(program, [...prefix, ...args, ...options], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data))
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: error.message, said }))
    child.on('close', (code, signal) => resolve({ code: code ?? signal, said }))
  })
}

/** Runs this file again with the Node that npm installed; passes signals on and ends as that ends. */
function runWithNewerNode() {
  const node = join(ROOT, 'node_modules', '.bin', 'node')
  if (!existsSync(node)) {
    say(
      `Kilonova needs Node ${OLDEST_NODE} or newer; this is ${process.version}, and npm has no Node package for this platform.`,
    )
    process.exit(1)
  }
  const env = { ...process.env, KILONOVA_LAUNCHED_AT: String(launchedAt) }
  // The channel tells the child when this process dies without a word.
  const stdio = ['inherit', 'inherit', 'inherit', 'ipc']
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio, env })
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    say(`${node}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1)))
}

async function run() {
  const { freshBundle } = await import('./bundle.mjs')
  const bundle = await freshBundle(ROOT, CACHE)
  // Beside the bundle, so that it goes with it.
  module.enableCompileCache?.(bundle ? join(dirname(bundle), 'compiled') : join(CACHE, 'compiled'))
  // Not left to the exit: a killed cloud would start slowly the next time.
  setTimeout(() => module.flushCompileCache?.(), FLUSH_MS).unref()
  const { main } = await import(pathToFileURL(bundle ?? join(ROOT, 'src', 'cli', 'main.ts')).href)
  process.exitCode = await main(process.argv.slice(2), { root: ROOT, cache: CACHE, launchedAt })
}

if (lacksPackages()) await installPackages()
if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) runWithNewerNode()
else await run()
