/** JSON Schema as the document has it. */
export interface Schema {
  $ref?: string
  type?: string | string[]
  const?: unknown
  default?: unknown
  enum?: unknown[]
  anyOf?: Schema[]
  format?: string
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  minProperties?: number
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  items?: Schema
}

type Content = Record<string, { schema: Schema, example?: unknown }>

export interface Operation {
  operationId: string
  summary: string
  description?: string
  tags: string[]
  security?: Array<Record<string, string[]>>
  parameters?: Array<{ in: 'path' | 'query', name: string, required: boolean, schema: Schema }>
  requestBody?: { content: Content }
  responses: Record<string, { description: string, content?: Content }>
}

export interface OpenapiDocument {
  openapi: string
  tags: Array<{ name: string }>
  components: { schemas: Record<string, Schema>, securitySchemes: Record<string, { name?: string }> }
  paths: Record<string, Record<string, Operation>>
}

/** Every operation, with its method in capitals and the path as a template. */
export const operationsOf = (
  { paths }: OpenapiDocument,
): Array<{ method: string, path: string, operation: Operation }> =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
