/** The request context as it travels in messages and journals. */
import { Type } from '@sinclair/typebox'
import type { RequestContext } from '#model/request-context.ts'

const NullableString = Type.Union([Type.String(), Type.Null()])

export const RequestContextSchema = Type.Unsafe<RequestContext>(
  Type.Object({
    requestId: Type.String(),
    globalRequestId: Type.Optional(Type.String()),
    userId: Type.String(),
    projectId: NullableString,
    userDomainId: Type.Optional(NullableString),
    projectDomainId: Type.Optional(NullableString),
    domainId: Type.Optional(NullableString),
    systemScope: Type.Optional(NullableString),
    roles: Type.Array(Type.String()),
    serviceRoles: Type.Optional(Type.Array(Type.String())),
  }),
)
