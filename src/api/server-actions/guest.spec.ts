/** What actions on a guest look like that take little or nothing. */
import { object, operation, type Piece, required, switched, t, wrapped } from '#lib/versioned/index.ts'

const on = <N extends string>(name: N) =>
  ({ path: 'POST /servers/{id}/action', action: name, status: 202 }) as const

/** An action whose value does not matter. */
const bare = <N extends string>(name: N) => operation({ ...on(name), body: wrapped(name, t.anything) })

/** An object, or null in its place. */
export function orNull<T>(piece: Piece<T>): Piece<T | null> {
  return {
    kind: 'piece',
    edges: piece.edges,
    schemaAt: (version) => ({ ...piece.schemaAt(version), type: ['object', 'null'] }),
  }
}

export const pause = bare('pause')
export const unpause = bare('unpause')
export const suspend = bare('suspend')
export const resume = bare('resume')
export const unrescue = bare('unrescue')
export const restore = bare('restore')
export const forceDelete = bare('forceDelete')
export const injectNetworkInfo = bare('injectNetworkInfo')

export const triggerCrashDump = operation({
  ...on('trigger_crash_dump'),
  versions: '2.17..',
  body: wrapped('trigger_crash_dump', t.null),
})

export const lock = operation({
  ...on('lock'),
  body: wrapped(
    'lock',
    switched({
      '..2.72': t.anything,
      '2.73..': orNull(object({ locked_reason: t.string({ minLength: 1, maxLength: 255 }) })),
    }),
  ),
  behaviours: { withReason: '2.73..' },
})

/** Since 2.73 nobody looks at what is in the body. */
export const unlock = operation({ ...on('unlock'), versions: '..2.72', body: wrapped('unlock', t.anything) })
export const unlockAnyhow = operation({ ...on('unlock'), versions: '2.73..' })

export const resetState = operation({
  ...on('os-resetState'),
  body: wrapped('os-resetState', object({ state: required(t.enum('active', 'error')) })),
})

export const changePassword = operation({
  ...on('changePassword'),
  body: wrapped('changePassword', object({ adminPass: required(t.string()) })),
})

export const rescue = operation({
  ...on('rescue'),
  status: 200,
  body: wrapped('rescue', orNull(object({ adminPass: t.string(), rescue_image_ref: t.uuid }))),
  behaviours: { volumeBackedToo: '2.87..' },
})

export { bare, on }
