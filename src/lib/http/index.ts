/** The HTTP edge: apps, faults as bodies, and the client that services use for their neighbours. */
export {
  createHttpApp,
  globalRequestId,
  type HttpApp,
  type HttpReply,
  type HttpRequest,
  type RenderedFault,
} from './app.ts'
export { createHttpClient, HttpFailure, type HttpAnswer, type HttpClient } from './client.ts'
export { measureRequests, nameRoute } from './measure.ts'
