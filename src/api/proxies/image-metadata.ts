/** Images' properties, as metadata; to 2.38. */
import { type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import { badRequest, forbidden, notFound } from '#lib/fault.ts'
import { operation, t, wrapped } from '#lib/versioned/index.ts'
import type { Document } from '#neighbours/pass-through/port.ts'
import { findImage, propertiesOf, setProperties } from './image-documents.ts'

const PATH = '/images/{image_id}/metadata'
const KEY = '^[a-zA-Z0-9-_:. ]{1,255}$'
const value = t.string({ maxLength: 255 })
const all = wrapped('metadata', t.map(KEY, value))
const one = wrapped('meta', t.map(KEY, value, { minProperties: 1, maxProperties: 1 }))

const versions = '..2.38'
const list = operation({ versions, path: `GET ${PATH}` })
const show = operation({ versions, path: `GET ${PATH}/{id}` })
const add = operation({ versions, path: `POST ${PATH}`, body: all })
const replace = operation({ versions, path: `PUT ${PATH}`, body: all })
const set = operation({ versions, path: `PUT ${PATH}/{id}`, body: one })
const remove = operation({ versions, path: `DELETE ${PATH}/{id}`, status: 204 })

type AnyCall = Call<unknown, unknown, never>
type Texts = Readonly<Record<string, string>>

export function imageMetadataRoutes({ passThrough, config }: Services): readonly Route[] {
  const find = (call: AnyCall): Promise<Document> =>
    findImage(passThrough, call, call.params['image_id'] ?? '')
  const change = async (call: AnyCall, next: (now: Texts) => Texts): Promise<Texts> => {
    const image = await find(call)
    const metadata = next(propertiesOf(image))
    const { metadataItems } = config.quota
    if (metadataItems >= 0 && Object.keys(metadata).length > metadataItems)
      throw forbidden('Image metadata limit exceeded')
    await setProperties(passThrough, call, image, metadata)
    return metadata
  }
  return [
    serve(list, async (call) => ({ body: { metadata: propertiesOf(await find(call)) } })),
    serve(show, async (call) => {
      const { id = '' } = call.params
      const { [id]: found } = propertiesOf(await find(call))
      if (found === undefined) throw notFound('The resource could not be found.')
      return { body: { meta: { [id]: found } } }
    }),
    serve(add, async (call) => ({
      body: { metadata: await change(call, (now) => ({ ...now, ...call.body.metadata })) },
    })),
    serve(replace, async (call) => ({ body: { metadata: await change(call, () => call.body.metadata) } })),
    serve(set, async (call) => {
      const { id = '' } = call.params
      const { meta } = call.body
      if (!Object.hasOwn(meta, id)) throw badRequest('Request body and URI mismatch')
      await change(call, (now) => ({ ...now, ...meta }))
      return { body: { meta } }
    }),
    serve(remove, async (call) => {
      const { id = '' } = call.params
      await change(call, ({ [id]: found, ...rest }) => {
        if (found === undefined) throw notFound('Invalid metadata key')
        return rest
      })
      return {}
    }),
  ]
}
