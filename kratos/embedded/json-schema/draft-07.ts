import type { JsonObject } from '../json.js'

/** The schema of JSON schemas, draft 7 (json-schema.org/draft-07/schema), without what only editors need. */

const self = { $ref: '#' }
const text = { type: 'string' }
const count = { $ref: '#/definitions/nonNegativeInteger' }
const countWithDefault = { $ref: '#/definitions/nonNegativeIntegerDefault0' }
const schemas = { $ref: '#/definitions/schemaArray' }
const texts = { $ref: '#/definitions/stringArray' }
const number = { type: 'number' }
const flag = { type: 'boolean' }
const schemaMap = { type: 'object', additionalProperties: self }

export const DRAFT_07: JsonObject = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: ['object', 'boolean'],
  definitions: {
    schemaArray: { type: 'array', minItems: 1, items: self },
    nonNegativeInteger: { type: 'integer', minimum: 0 },
    nonNegativeIntegerDefault0: { allOf: [count] },
    simpleTypes: { enum: ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'] },
    stringArray: { type: 'array', items: text, uniqueItems: true },
  },
  properties: {
    $id: { type: 'string', format: 'uri-reference' },
    $schema: { type: 'string', format: 'uri' },
    $ref: { type: 'string', format: 'uri-reference' },
    $comment: text,
    title: text,
    description: text,
    readOnly: flag,
    examples: { type: 'array' },
    multipleOf: { type: 'number', exclusiveMinimum: 0 },
    maximum: number,
    exclusiveMaximum: number,
    minimum: number,
    exclusiveMinimum: number,
    maxLength: count,
    minLength: countWithDefault,
    pattern: { type: 'string', format: 'regex' },
    additionalItems: self,
    items: { anyOf: [self, schemas] },
    maxItems: count,
    minItems: countWithDefault,
    uniqueItems: flag,
    contains: self,
    maxProperties: count,
    minProperties: countWithDefault,
    required: texts,
    additionalProperties: self,
    definitions: schemaMap,
    properties: schemaMap,
    patternProperties: { type: 'object', additionalProperties: self, propertyNames: { format: 'regex' } },
    dependencies: { type: 'object', additionalProperties: { anyOf: [self, texts] } },
    propertyNames: self,
    enum: { type: 'array' },
    type: {
      anyOf: [
        { $ref: '#/definitions/simpleTypes' },
        { type: 'array', items: { $ref: '#/definitions/simpleTypes' }, minItems: 1, uniqueItems: true },
      ],
    },
    format: text,
    contentMediaType: text,
    contentEncoding: text,
    if: self,
    then: self,
    else: self,
    allOf: schemas,
    anyOf: schemas,
    oneOf: schemas,
    not: self,
  },
}
