/** Quota class sets: the class `default` stands in for configured limits; others are only kept. */
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { setClassQuotas } from '#db/quotas.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest } from '#lib/fault.ts'
import { classLimits } from './limits.ts'
import { quotaClassView } from './quota-set.view.ts'
import { wantedLimits } from './quota-sets.ts'

type Body = { readonly quota_class_set: Readonly<Record<string, string | number | undefined>> }

export async function show(call: Call<unknown, unknown, never>, services: Services): Promise<Answer> {
  const id = call.params.id ?? ''
  const limits = await classLimits(services, id)
  return { body: { quota_class_set: call.render(quotaClassView)(limits, { id }) } }
}

const MAX_NAME = 255

export async function update(call: Call<Body, unknown, never>, services: Services): Promise<Answer> {
  const name = call.params.id ?? ''
  if (name.length > MAX_NAME)
    throw badRequest(
      `Invalid input received: quota_class_name has ${name.length} characters, more than ${MAX_NAME}.`,
    )
  const wanted = wantedLimits(call.body.quota_class_set)
  if (services.config.quotaDriver !== 'keystone')
    await services.db.transaction<NovaDb, void>((trx) => setClassQuotas(trx, name, wanted))
  const limits = await classLimits(services, name)
  return { body: { quota_class_set: call.render(quotaClassView)(limits, { id: undefined }) } }
}
