import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { serviceError } from '../../../src/errors.js'
import { about } from '../../../src/schemas/about.js'
import {
  DocumentListSchema, DocumentPatchSchema, DocumentQuerySchema, DocumentSchema, MAX_DOCUMENT_BYTES,
  NewDocumentSchema,
} from '../../../src/schemas/document.js'
import { ok, responses, success, UPSTREAM_STATUSES } from '../../../src/schemas/envelope.js'
import { UuidSchema } from '../../../src/schemas/flow.js'

const OneSchema = success(DocumentSchema)
const ParamsSchema = Type.Object({ id: UuidSchema })

const LIST = responses(success(DocumentListSchema), ...UPSTREAM_STATUSES)
const ONE = responses(OneSchema, ...UPSTREAM_STATUSES)
const { 200: _, ...FAILURES } = responses(OneSchema, ...UPSTREAM_STATUSES, 409)
const CHANGED = { ...FAILURES, 200: OneSchema }
const CREATED = { ...FAILURES, 201: OneSchema }
const DELETED = responses(success(Type.Object({ id: Type.String() })), ...UPSTREAM_STATUSES)

function owner ({ kratosSession }: FastifyRequest): string {
  if (kratosSession === null) throw serviceError('INVALID_SESSION')
  return kratosSession.identity.id
}

/** A stranger's document is answered like a missing one (A36). */
function found<T> (document: T | undefined): T {
  if (document === undefined) throw serviceError('NOT_FOUND')
  return document
}

const documentRoutes: FastifyPluginAsyncTypebox = async function documentRoutes (app) {
  const { documents } = app.store
  app.addHook('onRequest', app.authenticate)
  app.addHook('onRequest', app.ensureUserRow)

  const list = {
    ...about.document('listDocuments', "The caller's documents, newest first, without content"),
    querystring: DocumentQuerySchema,
    response: LIST,
  }
  app.get('/', { schema: list }, async (request) => {
    const { limit, cursor } = request.query
    const page = await documents.list(owner(request), { limit, ...(cursor !== undefined && { cursor }) })
    return ok({ user_id: owner(request), documents: page.documents, next_cursor: page.nextCursor })
  })

  const creation = { ...about.document('createDocument', 'A new document'), body: NewDocumentSchema, response: CREATED }
  app.post('/', { schema: creation, bodyLimit: MAX_DOCUMENT_BYTES }, async (request, reply) => {
    const document = await app.withUserRow(request, () => documents.create(owner(request), request.body))
    reply.code(201)
    return ok(document)
  })

  app.get(
    '/:id',
    { schema: { ...about.document('getDocument', 'One document'), params: ParamsSchema, response: ONE } },
    async (request) => {
      const document = found(await documents.get(owner(request), request.params.id.toLowerCase()))
      return ok(document)
    },
  )

  const change = {
    ...about.document('changeDocument', 'Changes title or content'),
    params: ParamsSchema,
    body: DocumentPatchSchema,
    response: CHANGED,
  }
  app.patch('/:id', { schema: change, bodyLimit: MAX_DOCUMENT_BYTES }, async (request) => {
    const document = found(await documents.update(owner(request), request.params.id.toLowerCase(), request.body))
    return ok(document)
  })

  app.delete('/:id', {
    schema: { ...about.document('deleteDocument', 'Deletes a document'), params: ParamsSchema, response: DELETED },
  }, async (request) => {
    const id = request.params.id.toLowerCase()
    if (!await documents.remove(owner(request), id)) throw serviceError('NOT_FOUND')
    return ok({ id })
  })
}

export default documentRoutes
