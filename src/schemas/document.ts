import { Type } from '@sinclair/typebox'
import { CLEAN_TEXT } from './text.js'

export const MAX_DOCUMENT_BYTES = 256 * 1024
const title = Type.String({ minLength: 1, maxLength: 200, pattern: CLEAN_TEXT })
const content = Type.String({ maxLength: 200_000, pattern: CLEAN_TEXT })

/** Without the content: a page of a hundred contents would be twenty megabytes. */
export const DocumentSummarySchema = Type.Object({
  id: Type.String(),
  title: Type.String(),
  created_at: Type.String(),
  updated_at: Type.String(),
}, { description: 'a document without its content, which GET /api/documents/{id} has' })

export const DocumentSchema = Type.Object({ ...DocumentSummarySchema.properties, content: Type.String() })

export const NewDocumentSchema = Type.Object({ title, content }, { additionalProperties: false })
export const DocumentPatchSchema = Type.Partial(NewDocumentSchema, { additionalProperties: false, minProperties: 1 })

export const DocumentListSchema = Type.Object({
  user_id: Type.String(),
  documents: Type.Array(DocumentSummarySchema),
  next_cursor: Type.Union([Type.String(), Type.Null()]),
})

export const DocumentQuerySchema = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
}, { additionalProperties: true })
