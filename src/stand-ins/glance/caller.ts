/** Who calls Glance, and which images they may see and change. */
import { Fault, forbidden } from '#lib/fault.ts'
import type { HttpRequest } from '#lib/http/index.ts'
import type { RequestContext } from '#model/request-context.ts'
import { contextOf, type Identity } from '#neighbours/identity/port.ts'
import type { Policy, Target } from '#policy/index.ts'
import { noImage } from './faults.ts'
import type { Viewer } from './list-query.ts'
import type { Image, Store } from './store.ts'

export interface Caller extends Viewer {
  readonly context: RequestContext
  /** Throws a `forbidden` fault when the caller may not. */
  enforce(action: string, target?: Target): void
  /** The image, if the caller may see it; throws `notFound` for one it may not, as for one that is not there. */
  see(id: string): Promise<Image>
  /** The image, if the caller may do that to it. */
  seeFor(id: string, action: string): Promise<Image>
}

export interface Access {
  callerOf(request: HttpRequest): Promise<Caller>
}

export function createAccess(identity: Identity, policy: Policy, store: Store): Access {
  return {
    async callerOf(request) {
      const sent = request.headers['x-auth-token']
      const info = typeof sent === 'string' ? await identity.validate(sent) : undefined
      if (info === undefined)
        throw new Fault(
          'unauthorized',
          'This server could not verify that you are authorized to access the document you requested.',
        )
      const context = contextOf(info, request.id)
      return callerFor(context, policy, store)
    },
  }
}

function callerFor(context: RequestContext, policy: Policy, store: Store): Caller {
  const viewer: Viewer = { projectId: context.projectId, isAdmin: policy.isAdmin(context) }
  const enforce = (action: string, target: Target = {}): void => {
    if (!policy.allows(action, context, target))
      throw forbidden(`You are not authorized to complete ${action} action.`)
  }
  const see = async (id: string): Promise<Image> => {
    enforce('get_image')
    // Only a UUID can be an image's id, and only such a thing may come near a file name.
    const image = UUID.test(id) ? await store.find(id) : undefined
    if (image === undefined || !(await mayView(image, viewer, store))) throw noImage(id.slice(0, 64))
    return image
  }
  return {
    ...viewer,
    context,
    enforce,
    see,
    async seeFor(id, action) {
      const image = await see(id)
      enforce(action, await targetOf(image, viewer, store))
      return image
    },
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

async function isMember(image: Image, viewer: Viewer, store: Store): Promise<boolean> {
  if (image.row.visibility !== 'shared' || viewer.projectId === null) return false
  return (await store.members(image.row.id)).some((member) => member.member_id === viewer.projectId)
}

async function mayView(image: Image, viewer: Viewer, store: Store): Promise<boolean> {
  const { visibility, owner } = image.row
  if (viewer.isAdmin || visibility === 'public' || visibility === 'community') return true
  return (owner !== null && owner === viewer.projectId) || (await isMember(image, viewer, store))
}

/** What policy is asked about: the image's owner as `project_id`, and the viewer's project as `member_id` where it is one. */
async function targetOf(image: Image, viewer: Viewer, store: Store): Promise<Target> {
  const member = await isMember(image, viewer, store)
  return {
    project_id: image.row.owner,
    visibility: image.row.visibility,
    ...(member && { member_id: viewer.projectId }),
  }
}
