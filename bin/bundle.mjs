/**
 * The bundle: src/cli/main.ts and all it needs in a few files, so that a start reads those instead of a thousand
 * (docs/decisions/0004-fast-start.md). Made anew when any source is newer; a plain start without it works too.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

const ENTRY = 'src/cli/main.ts'
/** Part of what a bundle must match: raise it when the way it is made changes. */
const FORMAT = 2

/** The path of an up-to-date bundle's entry; undefined when there is none and none can be made. */
export async function freshBundle(root, cache) {
  if (process.env.KILONOVA_NO_BUNDLE) return undefined
  const current = readManifest(cache)
  if (current && isFresh(root, current)) return claim(join(cache, current.directory))
  // Sources that do not fit together say so better when they are run as they are.
  return build(root, cache).catch(() => undefined)
}

function readManifest(cache) {
  try {
    const manifest = JSON.parse(readFileSync(join(cache, 'bundle.json'), 'utf8'))
    return manifest.format === FORMAT && manifest.node === process.version ? manifest : undefined
  } catch {
    return undefined // not there, or half a file of a killed start: made anew
  }
}

const isFresh = (root, manifest) =>
  manifest.inputs.every(([path, mtimeMs, size]) => {
    const stat = statSync(join(root, path), { throwIfNoEntry: false })
    return stat?.mtimeMs === mtimeMs && stat.size === size
  })

/** Says that this process reads from the directory: lazily loaded parts must not vanish under it. */
function claim(directory) {
  writeFileSync(join(directory, `in-use.${process.pid}`), '')
  return join(directory, 'main.mjs')
}

async function build(root, cache) {
  const esbuild = await import('esbuild').catch(() => undefined)
  if (!esbuild) return undefined
  const directory = `bundle-${Date.now()}-${process.pid}`
  const outdir = join(cache, directory)
  mkdirSync(outdir, { recursive: true })
  const { metafile } = await esbuild.build({
    entryPoints: { main: join(root, ENTRY) },
    outdir,
    outExtension: { '.js': '.mjs' },
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    metafile: true,
    logLevel: 'silent',
    external: ['pg-native', 'esbuild', 'playwright-core'],
    plugins: [placesOfSources(root), requiredBuiltins],
    banner: {
      js: "import { createRequire as bundleRequire } from 'node:module'; const require = bundleRequire(import.meta.url);",
    },
  })
  // What lies in node_modules changes only with npm's own record of it.
  const sources = Object.keys(metafile.inputs).filter((path) => !path.includes('node_modules/'))
  const inputs = [...sources, 'bin/bundle.mjs', 'node_modules/.package-lock.json'].flatMap((path) => {
    const stat = statSync(join(root, path), { throwIfNoEntry: false })
    return stat ? [[path, stat.mtimeMs, stat.size]] : []
  })
  const manifest = { format: FORMAT, node: process.version, directory, inputs }
  const draft = join(cache, `bundle.json.${process.pid}`)
  writeFileSync(draft, JSON.stringify(manifest))
  renameSync(draft, join(cache, 'bundle.json'))
  const entry = claim(outdir)
  removeUnused(cache, directory)
  return entry
}

/** In a bundle, `import.meta.dirname` and its kin would be the bundle's: sources keep their own. */
const placesOfSources = (root) => ({
  name: 'places-of-sources',
  setup(build) {
    build.onLoad(
      { filter: new RegExp(`^${root.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}/src/.*\\.ts$`) },
      ({ path }) => {
        const text = readFileSync(path, 'utf8')
        if (!text.includes('import.meta.')) return undefined
        const contents = text
          .replaceAll('import.meta.dirname', JSON.stringify(join(path, '..')))
          .replaceAll('import.meta.filename', JSON.stringify(path))
          .replaceAll('import.meta.url', JSON.stringify(`file://${path}`))
          .replaceAll('import.meta.main', 'false')
        return { contents, loader: 'ts', watchFiles: [relative(root, path)] }
      },
    )
  },
})

/**
 * Importing node:http reads all that it exports, a whole second HTTP client among it: 30 ms. Requiring it does not.
 */
const requiredBuiltins = {
  name: 'required-builtins',
  setup(build) {
    build.onResolve({ filter: /^(node:)?https?$/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'required' } : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
    }))
  },
}

/** Removes bundles that no living process reads. */
function removeUnused(cache, current) {
  for (const name of readdirSync(cache).filter((entry) => entry.startsWith('bundle-') && entry !== current)) {
    const users = readdirSync(join(cache, name)).filter((entry) => entry.startsWith('in-use.'))
    const age = Date.now() - Number(name.split('-')[1])
    if (age > 60_000 && !users.some((user) => lives(Number(user.slice(7)))))
      rmSync(join(cache, name), { recursive: true, force: true })
  }
}

function lives(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
