/** Members: projects an image is shared with, and whether they took it. */
import { badRequest, conflict, forbidden, notFound } from '#lib/fault.ts'
import { isUniqueViolation } from '#db/kit/index.ts'
import type { HttpRequest } from '#lib/http/index.ts'
import type { Caller } from '../caller.ts'
import { noImage } from '../faults.ts'
import { memberView } from '../image-view.ts'
import type { Image } from '../store.ts'
import { MEMBER_STATUSES, type MemberRow, type MemberStatus } from '../tables.ts'
import { objectBody, param, type Routes } from './context.ts'

const MAX_MEMBER = 255
const MAX_MEMBERS = 128

export function addMemberRoutes(routes: Routes): void {
  const { app, store, clock } = routes
  const collection = '/v2/images/:id/members'

  app.get(collection, async (request) => {
    const { caller, image } = await sharedImage(routes, request, 'get_members')
    const rows = await store.members(image.row.id)
    const members = rows.filter((row) => mayKnow(caller, image, row)).map(memberView)
    return { members, schema: '/v2/schemas/members' }
  })
  app.get(`${collection}/:memberId`, async (request) => {
    const { caller, image } = await sharedImage(routes, request, 'get_members')
    return memberView(await memberOf(routes, request, caller, image))
  })
  app.post(collection, async (request) => {
    const { image } = await sharedImage(routes, request, 'add_member')
    const { member } = objectBody(request)
    if (typeof member !== 'string' || !/^[\w.:-]+$/.test(member) || member.length > MAX_MEMBER)
      throw badRequest('Member to be added not specified')
    if ((await store.members(image.row.id)).length >= MAX_MEMBERS)
      throw badRequest(`The limit has been exceeded on the number of allowed image members: ${MAX_MEMBERS}`)
    const now = clock.now()
    const row: MemberRow = {
      image_id: image.row.id,
      member_id: member,
      status: 'pending',
      created_at: now,
      updated_at: now,
    }
    try {
      await store.db.insertInto('glance_image_member').values(row).execute()
    } catch (error) {
      if (isUniqueViolation(error))
        throw conflict(`Member ${member} is duplicated for image ${image.row.id}`, { cause: error })
      throw error
    }
    return memberView(row)
  })
  app.put(`${collection}/:memberId`, async (request) => {
    const { caller, image } = await sharedImage(routes, request, 'get_members')
    const before = await memberOf(routes, request, caller, image)
    // The owner shares; whether it is taken is the member's to say.
    caller.enforce('modify_member', { member_id: before.member_id })
    const { status } = objectBody(request)
    if (!(MEMBER_STATUSES as readonly unknown[]).includes(status))
      throw badRequest(`Status not specified or not one of ${MEMBER_STATUSES.join(', ')}`)
    const patch = { status: status as MemberStatus, updated_at: clock.now() }
    await where(routes, image, before.member_id).set(patch).execute()
    return memberView({ ...before, ...patch })
  })
  app.delete(`${collection}/:memberId`, async (request, reply) => {
    const { caller, image } = await sharedImage(routes, request, 'delete_member')
    const row = await memberOf(routes, request, caller, image)
    await store.db
      .deleteFrom('glance_image_member')
      .where('image_id', '=', image.row.id)
      .where('member_id', '=', row.member_id)
      .execute()
    return reply.code(204).send()
  })
}

const where = ({ store }: Routes, image: Image, memberId: string) =>
  store.db
    .updateTable('glance_image_member')
    .where('image_id', '=', image.row.id)
    .where('member_id', '=', memberId)

async function sharedImage(
  routes: Routes,
  request: HttpRequest,
  action: string,
): Promise<{ caller: Caller; image: Image }> {
  const caller = await routes.caller(request)
  const image = await caller.seeFor(param(request, 'id'), action)
  if (image.row.visibility !== 'shared')
    throw action === 'get_members' ? noImage(image.row.id) : forbidden('Only shared images have members.')
  return { caller, image }
}

/** The owner knows all members; a member knows of itself. */
const mayKnow = (caller: Caller, image: Image, row: MemberRow): boolean =>
  caller.isAdmin || image.row.owner === caller.projectId || row.member_id === caller.projectId

async function memberOf(
  { store }: Routes,
  request: HttpRequest,
  caller: Caller,
  image: Image,
): Promise<MemberRow> {
  const memberId = param(request, 'memberId')
  const row = (await store.members(image.row.id)).find((each) => each.member_id === memberId)
  if (row === undefined || !mayKnow(caller, image, row))
    throw notFound(`${memberId} not found in the member list of the image ${image.row.id}.`)
  return row
}
